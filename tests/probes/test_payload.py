"""The canary's text stands in clear in no file of this project, nor in what is built or run from it."""

from __future__ import annotations

import hashlib
import marshal
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from pytest_wfo.core.antivirus.task import AntivirusTask
from pytest_wfo.probes.posix import posix_script
from pytest_wfo.probes.survival import PAYLOAD
from pytest_wfo.probes.windows import windows_script

ROOT = Path(__file__).parents[2]
LEFT_OUT = {".git", ".venv", "node_modules", ".hypothesis"}
SHA256 = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"


def clear() -> bytes:
    """Made when the test runs, and never shown: only whether it is found."""
    return bytes(33 + (ord(letter) - 33 + 47) % 94 for letter in PAYLOAD)


def test_it_is_the_text_that_every_scanner_must_detect() -> None:
    assert hashlib.sha256(clear()).hexdigest() == SHA256


def test_no_file_of_the_tree_holds_it() -> None:
    found = []
    for folder, names, files in os.walk(ROOT):
        names[:] = [name for name in names if name not in LEFT_OUT]
        paths = [path for path in (Path(folder, name) for name in files) if path.is_file()]
        found += [path for path in paths if clear() in path.read_bytes()]
    assert found == []


def test_no_compiled_module_holds_it() -> None:
    """Python joins the parts of a text that it finds in the source."""
    modules = [*ROOT.glob("pytest_wfo/**/*.py"), *ROOT.glob("tests/**/*.py")]
    assert len(modules) > 100
    found = [
        path
        for path in modules
        if clear() in marshal.dumps(compile(path.read_bytes(), str(path), "exec"))
    ]
    assert found == []


def test_nothing_that_is_built_holds_it(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,), (source,) = tmp_path.glob("*.whl"), tmp_path.glob("*.tar.gz")
    parts: dict[str, bytes] = {}
    with zipfile.ZipFile(wheel) as archive:
        parts |= {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(source) as packed:
        for member in packed:
            file = packed.extractfile(member)
            if file is not None:
                parts[member.name] = file.read()
    assert any(name.endswith("probes/engines/canary.ps1") for name in parts)
    assert [name for name, data in parts.items() if clear() in data] == []


def test_no_script_that_is_sent_holds_it() -> None:
    task = AntivirusTask(("C:\\temp\\", "/tmp"), (), (".vid",), (".vid",), "r1", canary=True)
    for script in (
        windows_script((), antivirus=task).encode(),
        posix_script((), (), task, marker="abcdefgh"),
    ):
        assert (clear() in script) is False
