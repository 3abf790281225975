"""What the simulated hosts answer: its form is the collectors' own, and nothing else is answered."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest

from pytest_wfo.connect import windows_ssh
from pytest_wfo.connect.errors import ConnectError, Reason
from pytest_wfo.connect.script import ScriptOutput, start
from pytest_wfo.core.antivirus.task import AntivirusTask
from pytest_wfo.core.facts import Access, Known, Target, Transport
from pytest_wfo.demo.data import load_host, merged
from pytest_wfo.demo.posix_answers import posix_answer
from pytest_wfo.demo.shell import (
    NOT_FOUND,
    NOT_RECOGNIZED,
    PosixShell,
    WindowsShell,
    windows_request,
)
from pytest_wfo.demo.windows_answers import windows_answer
from pytest_wfo.probes.envelope import read_envelope
from pytest_wfo.probes.posix import posix_script
from pytest_wfo.probes.survival import Patience
from pytest_wfo.probes.windows import read_windows, windows_script
from tests.probes.windows.host import PWSH, RECORDED, WindowsHost, load, needs_engine, over

MARKER = "a1b2c3d4e5f6"
MARK = "wfo-0123456789abcdef"
WINDOWS = ("prem01", "desk-01", "desk-02")
COMMAND = windows_ssh.COMMAND.encode()
TARGETS = (
    Target("127.0.0.1", 9, Transport.TCP, "peer"),
    Target("::1", 9, Transport.SILVERLIGHT_POLICY, "peer"),
    Target("10.20.0.10", 443, Transport.HTTPS, "prem01"),
    Target("10.20.0.10", 2012, Transport.HTTP, "prem01"),
    Target("10.20.0.10", 2015, Transport.HTTP, "prem01"),
)


def given(script: str) -> bytes:
    """Standard input as the backend sends it."""
    return f"{MARK}\n".encode() + script.encode().rstrip(b"\n") + b"\n"


def unframed(output: ScriptOutput) -> str:
    """The answer, by the backend's own reader. Raises ``ConnectError`` as it does."""

    def error(reason: Reason, words: str) -> ConnectError:
        return ConnectError(reason, "desk-01", "127.0.0.1:22", words)

    return windows_ssh.unframed(output, MARK, error).decode("ascii")


@pytest.mark.skipif(
    not all(map(shutil.which, ("sh", "ip", "ss", "nft"))), reason="needs sh, ip, ss and nft"
)
def test_sections_are_those_of_the_real_posix_collector() -> None:
    """The real script is run here; the demo may know no section and no field that it does not."""
    script = posix_script((), marker=MARKER)
    real = json.loads(subprocess.run(["sh", "-s"], input=script, stdout=-1, check=True).stdout)
    shown = json.loads(posix_answer(load_host("fw01"), 1.0))
    assert shown.keys() == real.keys()
    assert shown["v"] == real["v"]
    assert shown["sections"].keys() <= real["sections"].keys()
    for key, section in shown["sections"].items():
        assert section.keys() == real["sections"][key].keys()


def shape(section: dict[str, Any]) -> tuple[set[str], ...]:
    """What a section is made of: the names in its value, and those in each of its rows."""
    value = section.get("value", section)
    return (set(value), *{tuple(sorted(row)): set(row) for row in value.get("rows", ())}.values())


def types(answer: dict[str, Any]) -> set[tuple[str, str, str]]:
    """Section, field and type of every field."""
    return {
        (name, field, type(each).__name__)
        for name, section in answer["sections"].items()
        if section["ok"]
        for row in section["value"].get("rows", [section["value"]])
        for field, each in row.items()
    }


@pytest.mark.parametrize("name", WINDOWS)
def test_sections_and_keys_are_those_the_windows_collector_has_been_recorded_with(
    name: str,
) -> None:
    """Same sections, fields and registry keys in the same order as in an answer of the real script."""
    real = json.loads((RECORDED / "base.txt").read_text("ascii"))
    client = json.loads((RECORDED / "client-11.txt").read_text("ascii"))
    detected = json.loads((RECORDED / "av-detections.txt").read_text("ascii"))
    shown = json.loads(windows_answer(load_host(name), TARGETS, 1.0))
    assert list(shown) == list(real)
    assert list(shown["registry"]) == list(real["registry"])
    asked_for = {"files", "av_opinions"}
    assert list(shown["sections"]) == [each for each in real["sections"] if each not in asked_for]
    for key, section in shown["sections"].items():
        if key == "products":  # no other firewall there, none here
            assert section == real["sections"][key]
        elif key in ("security_center", "av_center") and name != "prem01":  # servers have none
            assert section["value"].keys() == client["sections"][key]["value"].keys()
        elif key in ("av_detections", "av_threats", "av_events") and name == "prem01":
            assert shape(section) == shape(detected["sections"][key])
        else:
            assert shape(section) == shape(real["sections"][key])
    # Of the recorded connections none was made, and servers have no Security Center.
    new = {("probes", "end", "str")}
    assert types(shown) <= types(real) | types(client) | types(detected) | new
    for key, values in shown["registry"].items():
        assert values.keys() == real["registry"][key].keys()


@pytest.mark.parametrize("name", WINDOWS)
def test_every_registry_key_of_a_file_is_one_that_is_answered(name: str) -> None:
    data = load_host(name)
    keys = data["keys"].splitlines()
    assert len(keys) == len(set(keys))
    assert data["registry"].keys() <= set(keys)


@pytest.mark.parametrize("name", WINDOWS)
def test_owners_and_adapters_of_a_host_are_listed(name: str) -> None:
    """A socket's and a service's process runs, and no process id is there twice."""
    sections = load_host(name)["sections"]
    pids = [each["pid"] for each in sections["processes"]]
    assert len(pids) == len(set(pids))
    assert {each["pid"] for each in sections["listeners"]} <= set(pids)
    running = {each["pid"] for each in sections["services"] if each["state"] == "Running"}
    assert running <= set(pids)
    sockets = [(each["address"], each["port"]) for each in sections["listeners"]]
    assert len(sockets) == len(set(sockets))


def test_targets_are_read_out_of_the_script_as_it_is_sent() -> None:
    for targets in ((), TARGETS[:1], TARGETS):
        found = windows_request(windows_script(targets).encode())
        assert found is not None
        assert [(t.address, t.port, t.transport) for t in found[0]] == [
            (t.address, t.port, t.transport) for t in targets
        ]


def test_a_peer_that_the_data_does_not_name_is_healthy() -> None:
    output = WindowsShell(load_host("desk-01")).run(COMMAND, given(windows_script(TARGETS)))
    access = Access("", "", "", "127.0.0.1:22", "", 0.0)
    facts = read_windows(unframed(output), access, TARGETS, asked=0.0, answered=1.0)
    assert isinstance(facts.probes, Known)
    assert [(each.reach, each.heard, each.detail) for each in facts.probes.value] == [
        ("open", "not-asked", ""),
        ("open", "expected", ""),
        ("open", "expected", "TLSv1.2"),
        ("open", "expected", ""),
        ("refused", "not-asked", "WSAECONNREFUSED"),
    ]


def test_a_posix_shell_answers_nothing_but_the_collector_of_the_backend() -> None:
    shell, begun = PosixShell(load_host("fw01")), start()
    script = posix_script((), marker=MARKER)
    good = shell.run(begun.command.encode(), begun.feed(script))
    assert good.exit_status == 0
    assert good.stdout.startswith(begun.ready.encode() + b'\n{"v": 1')
    for command, sent in (
        (b"uname -n", b""),
        (b"", b""),
        (b"sh -s", begun.feed(script)),
        (COMMAND, begun.feed(script)),
        (begun.command.encode(), script),
        (begun.command.encode(), begun.feed(b"")),
        (begun.command.encode(), begun.feed(script + b"\n")),
        (begun.command.encode(), begun.feed(script[:-1])),
        (begun.command.encode(), begun.feed(posix_script(TARGETS, marker=MARKER))),
    ):
        output = shell.run(command, sent)
        assert output.exit_status == NOT_FOUND
        assert output.stderr.startswith(b"sh: ")
        assert b'{"v"' not in output.stdout


def test_a_windows_shell_starts_nothing_but_the_bootstrap_of_the_backend() -> None:
    shell = WindowsShell(load_host("desk-01"))
    script = given(windows_script(()))
    for command in (b"", b"uname -n", COMMAND[:-4], COMMAND + b" ", start().command.encode()):
        output = shell.run(command, script)
        assert (output.stdout, output.exit_status) == (b"", NOT_RECOGNIZED)
        assert b"is not recognized as an internal or external command" in output.stderr


@pytest.mark.parametrize(
    "script",
    [
        "",
        "hostname",
        "$WfoRequest = ''\n",
        "$WfoRequest = '[]'\n",
        """$WfoRequest = '{"targets": null}'\n""",
        """$WfoRequest = '{"targets": [{"address": "x", "port": 1, "transport": "tcp"}]}'\n""",
        windows_script(()) + "hostname",
        windows_script(())[:-20],
        windows_script(TARGETS).replace("Get-CimInstance", "Get-WmiObject", 1),
        windows_script(TARGETS).replace('"port": 2012', '"port": "2012"'),
        windows_script(TARGETS).replace('"index": 1', '"index": 7'),
        windows_script((), ["C:\\temp"]),  # no file is asked for by this version
        windows_script(()).replace("Windows", "W\u00efndows", 1),
    ],
)
def test_a_windows_host_runs_no_script_but_the_collector(script: str) -> None:
    """PowerShell runs, and its error comes in the backend's frame."""
    output = WindowsShell(load_host("desk-01")).run(COMMAND, given(script))
    assert output.exit_status == 0
    with pytest.raises(ConnectError, match="knows no program but the collector") as caught:
        unframed(output)
    assert caught.value.reason is Reason.SCRIPT_FAILED


def test_an_answer_is_one_line_of_ascii_in_the_frame_of_the_bootstrap() -> None:
    output = WindowsShell(load_host("prem01")).run(COMMAND, given(windows_script(TARGETS)))
    first, answer, last, end = output.stdout.split(b"\r\n")
    assert first.startswith(f"{MARK} ok {len(answer)} ".encode())
    assert (last, end) == (f"{MARK} end".encode(), b"")
    assert answer.isascii()
    assert not set(b"'<>&") & set(answer)  # as ConvertTo-Json writes them
    assert unframed(output) == answer.decode()


@needs_engine
def test_the_frame_is_that_of_a_real_powershell() -> None:
    """A real engine runs the backend's bootstrap; the script returns what the demo answers."""
    output = WindowsShell(load_host("prem01")).run(COMMAND, given(windows_script(TARGETS)))
    words = unframed(output).replace("'", "''")
    real = subprocess.run(
        [str(PWSH), *windows_ssh.COMMAND.split(" ")[1:]],
        input=given(f"'{words}'"),
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert (real.stdout, real.stderr) == (output.stdout, output.stderr)


def test_a_file_adds_to_what_it_is_like() -> None:
    base = {"a": "old", "list": [1], "map": {"x": 1, "y": 1}}
    more = {"a": "new", "list": [2], "map": {"y": 2}, "b": "b"}
    assert merged(base, more) == {"a": "new", "list": [1, 2], "map": {"x": 1, "y": 2}, "b": "b"}


def test_bytes_beyond_ascii_come_one_character_each_as_from_awk() -> None:
    """The reader puts them together again."""
    data = merged(load_host("fw01"), {"sections": {"hostname": "café"}})
    assert "caf\\u00c3\\u00a9" in posix_answer(data, 1.0)
    assert read_envelope(posix_answer(data, 1.0))["hostname"].output == "café"


@needs_engine
def test_what_is_told_of_test_files_and_of_files_worth_excluding_has_the_collectors_form() -> None:
    """The real script is asked the same; the demo may know no section and no field that it does not."""
    task = AntivirusTask(
        folders=("C:\\temp\\", "C:\\Program Files\\CallCopy\\Logs\\"),
        file_types=(".vid", ".log"),
        run="r7k2m9q4",
        concerns=True,
    )
    files = {
        "C/temp/new.iso": "",
        "C/Program Files/CallCopy/Logs/a.txt": "",
        "C/Windows/Temp/a.txt": "",
    }
    rows = [{"Name": "C:\\pagefile.sys", "AllocatedBaseSize": 8192}]
    cim = {"root/cimv2:Win32_PageFileUsage": {"rows": rows}}
    state = over(
        load("base"), {"environment": {"TEMP": "C:\\Windows\\Temp"}, "files": files, "cim": cim}
    )
    real = json.loads(WindowsHost(state).ask(antivirus=task, patience=Patience(0.1)).text)
    shown = json.loads(windows_answer(load_host("prem01"), (), 1.0, task))
    told = ("asked_antivirus", "survival", "concerns", "page_files", "leftovers")
    for key in told:
        assert shape(shown["sections"][key]) == shape(real["sections"][key]), key
    for name in ("roots", "large", "fresh"):
        ours, theirs = (each["sections"]["concerns"]["value"][name] for each in (shown, real))
        assert {frozenset(row) for row in ours} == {frozenset(row) for row in theirs}, name
    extra = ("av_opinions",)
    assert [key for key in shown["sections"] if key in (*told, *extra)] == [
        key for key in real["sections"] if key in (*told, *extra)
    ]
