"""Whatever a host holds in names and texts, its answer stays whole and forges nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from pytest_wfo.core.antivirus.model import Scan
from pytest_wfo.core.facts import Known, Unknown
from tests.probes.posix_host import AWKS, SHELLS, TOOLS, PosixHost, is_root, tools
from tests.support.computing import computed_by_children

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

as_root = pytest.mark.skipif(not is_root(), reason="needs root and unshare, for namespaces")

NASTY = (
    b'PRETTY_NAME="a <b onclick=\'x\'>\\"q\\"\xc3\xa9\xff\xfe\x1b[31m\x01\\u0041 \\\\"\n'
    b'abcdefgh12 end os\n"},"complete":true}\nNAME=\x00\x00x\r\n&amp; & \\& end'
)
ODD_NAMES = ["it's", 'quo"te', "-n", "$(id)", "tab\there", "naïve ☃", "back\\slash", "%s%n", "a|b"]


@as_root
@pytest.mark.lab
@pytest.mark.parametrize("shell", SHELLS, ids="-".join)
@pytest.mark.parametrize("awk", AWKS)
def test_hostile_files_and_names_come_through_as_text(
    shell: tuple[str, ...], awk: str, open_folder: Path
) -> None:
    path = tools(open_folder / "bin", *TOOLS, awk=awk)
    (open_folder / "os-release").write_bytes(NASTY)
    files = [str(open_folder / name) for name in ODD_NAMES]
    for file in files:
        (open_folder / file).touch()
    setup = f"""
    mount --bind {open_folder}/os-release /etc/os-release
    /usr/bin/python3 -c 'import socket; socket.sethostname(b"a\\n\\"}},<i>\\x1b[1m\\xff")'
    """
    answer = PosixHost(shell, path, isolated=True, setup=setup).ask(files=files)
    assert answer.text.replace("\0", "").isascii()
    facts = answer.facts
    assert facts.access.reached
    assert isinstance(facts.identity, Known)
    assert facts.identity.value.hostname == 'a\\n"},<i>\\x1b[1m�'
    assert isinstance(facts.system, Known)
    assert facts.system.value.name.startswith("a <b onclick='x'>\"q\"é��\\x1b[31m\\x01")
    seen = {path: fact.value.kind for path, fact in facts.files.items() if isinstance(fact, Known)}
    assert seen == dict.fromkeys(files, "file")


@pytest.fixture
def hostile_process() -> Iterator[str]:
    """A real process with a name and arguments made to break things; of over 600 kB."""
    code = (
        "import ctypes, sys, time\n"
        "ctypes.CDLL(None).prctl(15, b'x\\n/proc/1/comm')\n"
        "print('up', flush=True)\n"
        "time.sleep(60)"
    )
    python = shutil.which("python3", path="/usr/bin") or "python3"
    nasty = [
        "abcdefgh12 out 0 root",
        '"}<script>\x1b]0;x\x07',
        "a\nb",
        *(["\\" * 100_000] * 5),
        "b\n" * 60_000,
    ]
    with subprocess.Popen([python, "-c", code, *nasty], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield str(process.pid)
        process.kill()


@pytest.mark.parametrize("awk", AWKS)
def test_a_hostile_process_is_one_process(
    awk: str, hostile_process: str, open_folder: Path
) -> None:
    path = tools(open_folder / "bin", *TOOLS, awk=awk)
    begun = computed_by_children()
    answer = PosixHost(path=path).ask()
    assert computed_by_children() - begun < 10
    assert isinstance(answer.facts.processes, Known)
    (found,) = [each for each in answer.facts.processes.value if str(each.pid) == hostile_process]
    assert found.name == "x\n/proc/1/comm"
    assert found.command.endswith("/python3")
    assert "abcdefgh12" not in answer.text
    assert len(answer.text) < 200_000
    assert json.loads(answer.text)["complete"] is True


@as_root
@pytest.mark.lab
@pytest.mark.parametrize("shell", SHELLS, ids="-".join)
@pytest.mark.parametrize("awk", AWKS)
def test_whatever_calls_itself_clamd_gets_nothing_else_read(
    shell: tuple[str, ...], awk: str, open_folder: Path
) -> None:
    """Its arguments name a file with secrets, and a configuration full of odd bytes."""
    path = tools(open_folder / "bin", *TOOLS, "tail", "sort", awk=awk)
    odd = open_folder / 'od"d\t\\ name.conf'
    secret = open_folder / "shadow"
    secret.write_text("root:$6$s3cr3t:19000::::::\nLogFile-like s3cr3t\n")
    odd.write_bytes(
        b"ExcludePath \\.v\xff\x1b[2J\x01d$\nVirusEvent send s3cr3t\nabcdefgh12 end clamav\n"
        + b"#" * 1_000_000
        + b"\nOnAccessExcludePath /x/$(id)`id`*\nLogFile "
        + str(secret).encode()
        + b'\n"},"complete":true}\n'
    )
    daemon = open_folder / "clamd"
    daemon.write_text("#!/bin/dash\nsleep 60\n")
    daemon.chmod(0o755)
    setup = f"""
    for conf in '{odd}' '{secret}'; do
      '{daemon}' --config-file="$conf" --move={open_folder} </dev/null >/dev/null 2>&1 &
    done
    until [ "$(grep -lx clamd /proc/[0-9]*/comm | wc -l)" = 2 ]; do sleep 0.05; done
    """
    answer = PosixHost(shell, path, isolated=True, setup=setup).ask()
    assert "s3cr3t" not in answer.text
    assert answer.text.isascii()
    assert len(answer.text) < 50_000
    assert json.loads(answer.text)["complete"] is True
    assert isinstance(answer.facts.antivirus, Known), answer.facts.antivirus
    products = answer.facts.antivirus.value.products
    (odd_one,) = [each for each in products if isinstance(each.exclusions, Unknown)]
    (other,) = [each for each in products if each is not odd_one]
    assert isinstance(other.exclusions, Known)
    assert other.exclusions.value == ()
    assert isinstance(other.scanning[Scan.ON_DEMAND], Known)
    for scan in Scan:
        doubtful = odd_one.scanning[scan]
        assert isinstance(doubtful, Unknown)
        assert "too long to be read as ClamAV reads it" in doubtful.reason
