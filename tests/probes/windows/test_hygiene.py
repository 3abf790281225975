"""What the script must not hold, so that scanners, reviewers and old hosts accept it.

Needs no PowerShell. Comments count too: the antimalware scan interface reads the whole text.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest

from pytest_wfo.core.antivirus.task import HISTORY_DAYS, AntivirusTask
from pytest_wfo.core.facts import Target, Transport
from pytest_wfo.probes.antivirus.defender_history import MOST_EVENTS
from pytest_wfo.probes.windows import collector, windows_script

TARGETS = (
    Target("192.0.2.1", 443, Transport.HTTPS, "premises"),
    Target("2001:DB8::1", 943, Transport.SILVERLIGHT_POLICY, "premises"),
)
TASK = AntivirusTask(
    ("C:\\temp\\",),
    extensions=(".vid",),
    file_types=(".vid",),
    run="r1",
    canary=True,
    concerns=True,
)
WHOLE = windows_script(TARGETS, ["C:\\temp\\a.log"], replace(TASK, canary=False))
PARTS = {
    name: files("pytest_wfo.probes").joinpath(place).read_text("ascii")
    for place in (
        "windows.ps1",
        "engines/reach.ps1",
        "engines/antivirus.ps1",
        "engines/tests.ps1",
        "engines/concerns.ps1",
        "engines/files.ps1",
        "engines/canary.ps1",
    )
    for name in (place.rpartition("/")[2],)
}
COLLECTOR, ANTIVIRUS = PARTS["windows.ps1"], PARTS["antivirus.ps1"]
# What the part that writes may do and no other: make a file or a folder of its own, and remove it.
# Get-Content -Raw came with PowerShell 3.
WRITES = (
    "New-Item -ItemType File -Path $path -Value $Content -ErrorAction Stop",
    "New-Item -ItemType Directory -Path $folder -ErrorAction Stop",
    "Remove-Item -LiteralPath $file.path -Force -ErrorAction Stop",
    "Remove-Item -LiteralPath $folder -ErrorAction Stop",
    "-Raw ",
)

# Of PowerShell 4 and later, and what only looks like it but fails on 5.1.
NEWER = (
    r"&&", r"\|\|", r"\?\?", r"\?\.", r"\?\[", r"-Parallel\b", r"-AsArray\b", r"-EnumsAsStrings\b",
    r"\bclean\s*\{", r"::new\(", r"^\s*using\s", r"^\s*class\s", r"^\s*enum\s", r"\.Where\(",
    r"\.ForEach\(", r"\s-i?(?:not)?in\s", r"-NoEnumerate\b", r"-Raw\b",
)  # fmt: skip

# What ConstrainedLanguage refuses, and what it gets silently wrong.
DOTNET = (
    r"\[[A-Za-z]+(?:\.[A-Za-z]+)+\]", r"New-Object (?!-ComObject)", r"\[pscustomobject\]",
    r"\[scriptblock\]", r"\[math\]", r"\[convert\]", r"\[console\]", r"\[environment\]",
    r"\.GetType\(", r"\.GetValue", r"\[regex\]::Replace", r"\[timespan\]", r"\[activator\]",
)  # fmt: skip

# What scanners and reviewers take for an attack, or what would be one.
SUSPECT = (
    r"Invoke-Expression", r"\biex\b", r"Add-Type", r"Reflection", r"FromBase64", r"GZip", r"Deflate",
    r"DownloadString", r"WebClient", r"Invoke-WebRequest", r"DllImport", r"VirtualAlloc", r"Marshal",
    r"GetField", r"NonPublic", r"EncodedCommand", r"bypass", r"hidden", r"amsi", r"(?:Set|Add|Remove)-Mp",
    r"RealtimeMonitoring", r"EICAR", r"ScriptBlock\]", r"ConvertTo-SecureString", r"Password",
    r"\.Invoke\(", r"Start-Process", r"Start-Job", r"rundll32", r"regsvr32", r"certutil", r"powershell\.exe",
)  # fmt: skip

# Cmdlets that change something. (New-Object and the functions of the script do not.)
CHANGES = (
    r"\b(?:Set|Remove|Clear|Rename|Move|Copy|Enable|Disable|Restart|Install|Register|Out|Export|Import"
    r"|Update|Write|Stop|Suspend|Resume|Push|Pop|Enter|Send)-[A-Z]\w+",
    r"\bNew-(?!Object\b)[A-Z]\w+",
    r"\bStart-(?!Sleep\b)[A-Z]\w+",
    r"\bInvoke-(?:Cim|Wmi|Command|Item|Rest)\w*",
    r"\s[\d*]?>>?\s*(?!\$null)[\w$\"'&]",
    r"\s(?:add|set|delete|reset|flush)\s+(?:rule|urlacl|portproxy|sslcert)",
)  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("pattern", [*NEWER, *SUSPECT, *CHANGES])
def test_the_script_holds_nothing_of_the_kind(part: str, pattern: str) -> None:
    text = PARTS[part]
    if part == "files.ps1":
        for allowed in WRITES:
            assert text.count(allowed) == 1
            text = text.replace(allowed, "")
    own = re.findall(r"^function ([\w-]+)", "\n".join(PARTS.values()), re.MULTILINE)
    text = re.sub(rf"(?<![\w-])(?:{'|'.join(own)})(?![\w-])", "own", text)
    found = re.search(pattern, text, re.IGNORECASE | re.MULTILINE)
    assert found is None, found


@pytest.mark.parametrize("part", [part for part in PARTS if part != "reach.ps1"])
@pytest.mark.parametrize("pattern", DOTNET)
def test_all_but_connections_works_in_constrained_language(part: str, pattern: str) -> None:
    assert re.search(pattern, PARTS[part], re.IGNORECASE) is None


@pytest.mark.parametrize("part", PARTS)
def test_lines_and_files_are_short_and_plain(part: str) -> None:
    text = PARTS[part]
    assert text.isascii()
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
    assert text.endswith("\n")
    assert max(map(len, text.splitlines())) <= 150
    assert text.count("\n") <= 400


def test_the_whole_is_small_enough_for_one_message() -> None:
    """A PSRP client sends 150 KiB before it knows what the server takes; a script in UTF-16 and
    base64 is 2.7 times its size."""
    assert len(WHOLE) < 51_000


def test_the_history_goes_as_far_back_as_the_reader_takes_it_to() -> None:
    assert f"AddDays(-{HISTORY_DAYS})" in ANTIVIRUS
    assert f"-MaxEvents {MOST_EVENTS} " in ANTIVIRUS


def test_json_is_written_with_its_depth_named() -> None:
    written = re.findall(r"ConvertTo-Json [^\n]*", COLLECTOR)
    assert written
    assert all("-Depth" in line and "-Compress" in line for line in written)


def test_without_connections_the_part_that_makes_them_is_not_sent() -> None:
    assert "Sockets" in WHOLE
    assert "Sockets" not in windows_script(()).replace("# Rights", "")


def test_what_writes_is_sent_only_where_it_is_asked_for() -> None:
    def holds(task: AntivirusTask) -> set[str]:
        script = windows_script((), antivirus=task)
        return {name for name, text in PARTS.items() if text in script}

    always = {"windows.ps1", "antivirus.ps1"}
    reads = {*always, "tests.ps1", "concerns.ps1"}
    assert holds(AntivirusTask()) == always
    assert holds(replace(TASK, run="", canary=False)) == reads
    assert holds(replace(TASK, run="")) == reads
    assert holds(replace(TASK, canary=False)) == {*reads, "files.ps1"}
    assert holds(TASK) == {*reads, "files.ps1", "canary.ps1"}
    assert not {"files.ps1", "canary.ps1"} & {n for n, text in PARTS.items() if text in collector()}


@pytest.mark.parametrize(
    "wrong",
    [{"run": "a b"}, {"run": "..\\x"}, {"file_types": (".a/../b",)}, {"extensions": ("*",)}],
)
def test_only_words_become_names(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no word of letters and digits"):
        windows_script((), antivirus=replace(TASK, **wrong))


def test_only_folders_of_a_drive_are_written_to() -> None:
    task = replace(TASK, folders=("C:\\temp\\", "/tmp", "\\\\host\\share", "HKLM:\\x", "C:temp"))
    request = re.match(r"\$WfoRequest = '(.*)'\n", windows_script((), antivirus=task))
    assert request is not None
    assert json.loads(request[1])["antivirus"]["folders"] == ["C:\\temp\\"]


NASTY = "C:\\it's\u2019 \u201cquoted\u201d `$(reboot)`\r\n\u65e5\u672c\x00'; exit #.log"


def test_what_is_asked_for_cannot_leave_its_quotes() -> None:
    task = replace(TASK, folders=(NASTY,), canary=False)
    first, rest = windows_script(TARGETS, [NASTY], task).split("\n", 1)
    quoted = re.fullmatch(r"\$WfoRequest = '([ -&(-~]*)'", first)
    assert quoted is not None
    request = json.loads(quoted[1])
    assert request["files"] == [NASTY]
    assert request["antivirus"]["folders"] == [NASTY]
    assert [(each["address"], each["port"]) for each in request["targets"]] == [
        ("192.0.2.1", 443),
        ("2001:db8::1", 943),
    ]
    assert rest == WHOLE.split("\n", 1)[1]


def test_only_addresses_are_tried() -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        windows_script([Target("$(reboot)", 80, Transport.TCP, "x")])


@pytest.mark.parametrize(
    "path", ["", "temp", "\\temp", "HKLM:\\SOFTWARE", "Env:\\x", "C:temp", "/x"]
)
def test_only_paths_of_a_drive_are_looked_at(path: str) -> None:
    with pytest.raises(ValueError, match="drive letter"):
        windows_script((), [path])


@pytest.mark.parametrize("part", PARTS)
def test_a_second_parser_finds_no_error(part: str) -> None:
    tree_sitter = pytest.importorskip("tree_sitter")
    grammar = pytest.importorskip("tree_sitter_powershell")
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
    root = parser.parse(PARTS[part].encode()).root_node
    faults = []
    nodes = [root]
    while nodes:
        node = nodes.pop()
        if node.type == "ERROR" or node.is_missing:
            faults.append((node.start_point[0] + 1, node.text[:80]))
        nodes += node.children
    assert faults == []
