"""The data of the simulated hosts: its form is the collector's own."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from pytest_wfo.connect.script import start
from pytest_wfo.core.facts import Target, Transport
from pytest_wfo.demo.answers import _merged, load_host, targets_in
from pytest_wfo.demo.shell import NOT_FOUND, Shell
from pytest_wfo.demo.site import ANSWERING
from pytest_wfo.probes.envelope import read_envelope
from pytest_wfo.probes.posix import posix_script
from pytest_wfo.probes.reach import read_probes

MARKER = "a1b2c3d4e5f6"
TARGETS = (
    Target("127.0.0.1", 9, Transport.TCP, "peer"),
    Target("::1", 9, Transport.SILVERLIGHT_POLICY, "peer"),
)


@pytest.mark.skipif(
    not all(map(shutil.which, ("sh", "ip", "ss", "nft"))), reason="needs sh, ip, ss and nft"
)
@pytest.mark.parametrize("name", ANSWERING)
def test_sections_are_those_of_the_real_collector(name: str) -> None:
    """The real script is run here; the demo may know no section and no field that it does not."""
    script = posix_script(TARGETS[:1], marker=MARKER)
    real = json.loads(subprocess.run(["sh", "-s"], input=script, stdout=-1, check=True).stdout)
    shown = json.loads(load_host(name).answer(TARGETS[:1], 1.0))
    assert shown.keys() == real.keys()
    assert shown["v"] == real["v"]
    assert shown["sections"].keys() <= real["sections"].keys()
    for key, section in shown["sections"].items():
        assert section.keys() == real["sections"][key].keys()


def test_targets_are_read_out_of_the_script_as_it_is_sent() -> None:
    for targets in ((), TARGETS[:1], TARGETS):
        found = targets_in(posix_script(targets, marker=MARKER))
        assert found is not None
        marker, seen = found
        assert marker == MARKER
        assert [(t.address, t.port, t.transport) for t in seen] == [
            (t.address, t.port, t.transport) for t in targets
        ]


def test_a_peer_that_the_data_does_not_name_is_healthy() -> None:
    probes = read_probes(read_envelope(load_host("desk-01").answer(TARGETS, 1.0)), TARGETS)
    assert [(probe.reach, probe.heard) for probe in probes.value] == [  # type: ignore[union-attr]
        ("open", "not-asked"),
        ("open", "expected"),
    ]


def test_a_shell_answers_nothing_but_the_collector_of_the_backend() -> None:
    shell, begun = Shell(load_host("fw01")), start()
    script = posix_script((), marker=MARKER)
    good = shell.run(begun.command.encode(), begun.feed(script))
    assert good.exit_status == 0
    assert good.stdout.startswith(begun.ready.encode() + b'\n{"v": 1')
    for command, given in (
        (b"uname -n", b""),
        (b"", b""),
        (b"sh -s", begun.feed(script)),
        (begun.command.encode(), script),
        (begun.command.encode(), begun.feed(b"")),
        (begun.command.encode(), begun.feed(script + b"\n")),
        (begun.command.encode(), begun.feed(script[:-1])),
    ):
        output = shell.run(command, given)
        assert output.exit_status == NOT_FOUND
        assert output.stderr.startswith(b"sh: ")
        assert b'{"v"' not in output.stdout


def test_a_file_adds_to_what_it_is_like() -> None:
    base = {"a": "old", "list": [1], "map": {"x": 1, "y": 1}}
    more = {"a": "new", "list": [2], "map": {"y": 2}, "b": "b"}
    assert _merged(base, more) == {"a": "new", "list": [1, 2], "map": {"x": 1, "y": 2}, "b": "b"}


def test_bytes_beyond_ascii_come_one_character_each_as_from_awk() -> None:
    """The reader puts them together again."""
    host = load_host("desk-01")
    named = type(host)({"hostname": {**host.sections["id"], "out": "caf\u00c3\u00a9"}}, "", {}, {})
    assert read_envelope(named.answer((), 1.0))["hostname"].output == "café"
