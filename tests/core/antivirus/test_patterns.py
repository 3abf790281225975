r"""What each shape of entry covers; and that what is said of a folder holds for every file below."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_wfo.core.antivirus.environment import expand
from pytest_wfo.core.antivirus.model import Covered, Pattern
from pytest_wfo.core.antivirus.paths import join, name_of, parent, split
from pytest_wfo.core.antivirus.patterns import (
    NOTHING,
    SAMPLES,
    UNCLEAR,
    FileExtension,
    OpenedBy,
    PathGlob,
    dotted,
)
from pytest_wfo.core.antivirus.regex import Regex

YES, NO, MAYBE = Covered.YES, Covered.NO, Covered.MAYBE
GLOB = PathGlob.of


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("C:\\temp\\", ("C:", "temp")),
        ('"c:/temp//sub"', ("c:", "temp", "sub")),
        ("C:", ("C:",)),
        ("C:\\", ("C:",)),
        ("\\\\srv\\share\\a", ("\\\\srv", "share", "a")),
        ("\\\\?\\C:\\a", ("C:", "a")),
        ("\\\\?\\UNC\\srv\\share", ("\\\\srv", "share")),
        ("/data//temp/./a/", ("/", "data", "temp", "a")),
        ("/", ("/",)),
        ("x.vid", ("x.vid",)),
        ("", ()),
    ],
)
def test_paths_are_read_as_their_system_reads_them(path: str, parts: tuple[str, ...]) -> None:
    assert split(path) == parts


def test_a_path_is_written_as_its_system_writes_it() -> None:
    assert [join(split(path)) for path in ("C:", "c:/a/b/", "//srv/x", "/", "/a//b")] == [
        "C:\\",
        "c:\\a\\b",
        "\\\\srv\\x",
        "/",
        "/a/b",
    ]
    assert (parent("C:\\a\\b\\"), parent("C:\\"), parent("/")) == ("C:\\a", "C:\\", "/")
    assert (name_of("C:\\a\\b.exe"), name_of("/")) == ("b.exe", "/")


@pytest.mark.parametrize(
    ("pattern", "path", "covered"),
    [
        (GLOB("C:\\temp"), "C:\\temp\\a\\b.vid", YES),
        (GLOB("C:\\temp\\"), "c:/TEMP/a.vid", YES),
        (GLOB("C:\\temp"), "C:\\temp2\\a", NO),
        (GLOB("C:\\temp"), "D:\\temp\\a", NO),
        (GLOB("C:\\temp\\*", NO), "C:\\temp\\a.vid", YES),
        (GLOB("C:\\temp\\*", NO), "C:\\temp\\sub\\a.vid", NO),
        (GLOB("C:\\temp\\*", MAYBE), "C:\\temp\\sub\\a.vid", MAYBE),
        (GLOB("C:\\temp\\?.vid", NO), "C:\\temp\\a.vid", YES),
        (GLOB("C:\\temp\\?.vid", NO), "C:\\temp\\ab.vid", NO),
        (GLOB("C:\\*\\Logs", YES), "C:\\a\\Logs\\x", YES),
        (GLOB("C:\\*\\Logs", YES), "C:\\a\\b\\Logs\\x", NO),
        (GLOB("C:\\**\\Logs", YES), "C:\\a\\b\\Logs\\x", YES),
        (GLOB("C:\\**\\Logs", YES), "C:\\Logs\\x", YES),
        (GLOB("**\\*.vid", NO), "D:\\a\\b.VID", YES),
        (GLOB("\\\\srv\\share"), "\\\\SRV\\share\\a", YES),
        (GLOB("/data/temp"), "/data/temp/a", YES),
        (GLOB("/data/temp"), "/data/Temp/a", NO),
        (GLOB("/data/temp", case_sensitive=False), "/data/Temp/a", YES),
        (GLOB("C:\\temp", certain=False), "C:\\temp\\a", MAYBE),
        (GLOB("C:\\temp", certain=False), "C:\\other\\a", NO),
        (GLOB("C:\\Stra\u00dfe"), "C:\\STRASSE\\a", NO),
        (GLOB("C:\\\u00c4pfel"), "C:\\\u00e4pfel\\a", YES),
        (GLOB(""), "C:\\a", NO),
        (FileExtension.of("vid"), "C:\\a\\b.VID", YES),
        (FileExtension.of("*.vid", ".log"), "C:\\a\\b.log", YES),
        (FileExtension.of("vid"), "C:\\a\\bvid", NO),
        (FileExtension.of("vid", case_sensitive=True), "/a/b.VID", NO),
        (FileExtension.of("vid", certain=False), "C:\\b.vid", MAYBE),
        (Regex("\\.vid$"), "/a/b.vid", YES),
        (Regex("\\.vid$"), "/a/b.VID", NO),
        (Regex("\\w"), "/a", MAYBE),
        (OpenedBy("cc.exe"), "C:\\a\\cc.exe", NO),
        (NOTHING, "C:\\a", NO),
        (UNCLEAR, "C:\\a", MAYBE),
    ],
)
def test_a_file_is_covered(pattern: Pattern, path: str, covered: Covered) -> None:
    assert pattern.file(path) is covered


@pytest.mark.parametrize(
    ("pattern", "folder", "covered"),
    [
        (GLOB("C:\\temp"), "C:\\temp\\", YES),
        (GLOB("C:\\temp"), "C:\\temp\\sub", YES),
        (GLOB("C:\\temp\\sub"), "C:\\temp", NO),
        (GLOB("C:\\temp", NO), "C:\\temp", NO),
        (GLOB("C:\\temp\\*", MAYBE), "C:\\temp", MAYBE),
        (GLOB("C:\\temp\\*", NO), "C:\\temp", NO),
        (GLOB("C:\\temp\\*"), "C:\\temp", YES),
        (GLOB("C:\\temp\\**", NO), "C:\\temp", YES),
        (GLOB("C:\\temp\\*.*"), "C:\\temp", NO),
        (GLOB("C:\\temp\\?*"), "C:\\temp", YES),
        (GLOB("C:\\temp\\*.vid"), "C:\\temp", NO),
        (GLOB("C:"), "C:\\temp", YES),
        (GLOB("C:\\**\\temp"), "C:\\a\\temp", YES),
        (GLOB("**", certain=False), "C:\\a", MAYBE),
        (FileExtension.of("*"), "C:\\temp", NO),
        (OpenedBy("*"), "C:\\temp", NO),
        (Regex("^/data/temp(/|$)"), "/data/temp", YES),
        (Regex("^/data/temp(/|$)"), "/data/temp2", NO),
        (Regex("^/data/temp/"), "/data/temp/", YES),
        (Regex("^/data/temp"), "/data/temp2", YES),
        (Regex("^/data/temp$"), "/data/temp", NO),
        (Regex("^/data/(temp|log)/.*$"), "/data/temp", YES),
        (Regex("^/data/temp/[^/]*$"), "/data/temp", NO),
        (Regex("^/DATA/temp/"), "/data/temp", NO),
        (Regex("\\.exe$"), "/data/temp", NO),
        (Regex("^/data/temp/(.|..*)$"), "/data/temp", MAYBE),
    ],
)
def test_a_tree_is_covered(pattern: Pattern, folder: str, covered: Covered) -> None:
    assert pattern.tree(folder) is covered


@pytest.mark.parametrize(
    ("pattern", "covered"),
    [
        (FileExtension.of("vid"), YES),
        (FileExtension.of("*.VID"), YES),
        (FileExtension.of("v?d"), YES),
        (FileExtension.of("*"), YES),
        (FileExtension.of("vi"), NO),
        (GLOB("**\\*.vid", NO), YES),
        (GLOB("**/*.vid", NO), YES),
        (GLOB("/**/*.vid", NO), YES),
        (GLOB("C:\\temp"), NO),
        (GLOB("C:\\temp\\*.vid"), NO),
        (GLOB("C:\\"), MAYBE),
        (GLOB("/"), YES),
        (OpenedBy("*"), NO),
        (Regex("\\.vid$"), YES),
        (Regex("^.*\\.(vid|log)$"), YES),
        (Regex("\\.VID$"), NO),
        (Regex("^/data/.*\\.vid$"), NO),
        (Regex("/[^/]*\\.vid$"), MAYBE),
    ],
)
def test_an_extension_is_covered_everywhere_or_not(pattern: Pattern, covered: Covered) -> None:
    assert pattern.extension(".vid") is covered


IMAGE = "C:\\Program Files\\CallCopy\\cc_loggerservice.exe"


@pytest.mark.parametrize(
    ("pattern", "image", "covered"),
    [
        (OpenedBy("CC_LoggerService.exe"), IMAGE, YES),
        (OpenedBy("cc_loggerservice.exe"), "cc_loggerservice.exe", YES),
        (OpenedBy("loggerservice.exe"), IMAGE, NO),
        (OpenedBy(GLOB(IMAGE, NO)), IMAGE, YES),
        (OpenedBy(GLOB(IMAGE, NO)), "cc_loggerservice.exe", MAYBE),
        (OpenedBy(GLOB("C:\\Program Files\\*\\*", NO)), IMAGE, YES),
        (OpenedBy(GLOB("D:\\cc_loggerservice.exe", NO)), IMAGE, NO),
        (OpenedBy(GLOB("D:\\other.exe", NO)), "cc_loggerservice.exe", NO),
        (OpenedBy("cc_loggerservice.exe", certain=False), IMAGE, MAYBE),
        (OpenedBy("cc_loggerservice.exe", within=GLOB("C:\\temp")), IMAGE, MAYBE),
        (GLOB(IMAGE), IMAGE, NO),
        (GLOB("C:\\"), IMAGE, NO),
        (FileExtension.of("exe"), IMAGE, NO),
        (Regex("cc_"), IMAGE, NO),
    ],
)
def test_what_a_program_opens_is_covered(pattern: Pattern, image: str, covered: Covered) -> None:
    assert pattern.process(image) is covered


def test_an_extension_is_one_however_it_is_written() -> None:
    assert {dotted(text) for text in ("vid", ".vid", "*.vid", ' ".vid" ')} == {".vid"}
    assert dotted("*") == ".*"


def test_variables_are_those_of_the_scanning_service() -> None:
    assert expand("%TEMP%\\a") == ("C:\\Windows\\TEMP\\a", True)
    assert expand("%programfiles(x86)%\\CallCopy")[0] == "C:\\Program Files (x86)\\CallCopy"
    assert expand("100%") == ("100%", True)
    assert expand("%SystemDrive%\\x", {"SYSTEMDRIVE": "E:"}) == ("E:\\x", True)


def test_an_unknown_variable_may_be_any_folder() -> None:
    text, known = expand("%WFO_HOME%\\Logs")

    assert (text, known) == ("**\\Logs", False)
    assert GLOB(text, certain=known).tree("D:\\WFO\\Logs") is MAYBE
    assert GLOB(text, certain=known).tree("D:\\WFO\\temp") is NO


NAMES = st.sampled_from(["a", "b", "ab", "temp", "x.vid", ".vid", "a.b"])
GLOBS = st.sampled_from(["a", "*", "?", "a*", "*.vid", "**", "temp", "?*", "*a*", "??"])
PATTERNS: st.SearchStrategy[Pattern] = st.one_of(
    st.builds(
        PathGlob,
        st.tuples(st.sampled_from(["C:", "**"])).flatmap(
            lambda root: st.lists(GLOBS, max_size=4).map(lambda names: (*root, *names))
        ),
        st.sampled_from(Covered),
        st.booleans(),
        st.booleans(),
    ),
    st.builds(FileExtension.of, st.sampled_from(["vid", "b", "*", "v?d"])),
    st.lists(
        st.sampled_from(["^", "C:\\\\", "a", ".*", "temp", "(\\\\|$)", "$", "\\.vid", ".", "[^.]", "b?"]),
        max_size=5,
    ).map(lambda words: Regex("".join(words))),
)  # fmt: skip


@given(PATTERNS, st.lists(NAMES, max_size=3), st.lists(NAMES, min_size=1, max_size=4))
def test_what_is_said_of_a_tree_holds_for_every_file_below(
    pattern: Pattern, folder: list[str], below: list[str]
) -> None:
    covered = pattern.tree(join(("C:", *folder)))
    answer = pattern.file(join(("C:", *folder, *below)))

    assert covered is not YES or answer is YES
    assert not (covered is MAYBE and answer is NO and isinstance(pattern, PathGlob))


@given(PATTERNS, st.lists(NAMES, max_size=3))
def test_a_tree_that_is_not_covered_has_a_file_that_is_not(
    pattern: Pattern, folder: list[str]
) -> None:
    if pattern.tree(join(("C:", *folder))) is not NO:
        return
    assert any(
        pattern.file(join(("C:", *folder, *(sample,) * depth, sample + ending))) is NO
        for sample in SAMPLES
        for depth in range(8)
        for ending in ("", ".exe")
    )


@given(PATTERNS, st.lists(NAMES, max_size=4), st.sampled_from(["C:", "D:"]), NAMES)
def test_what_is_said_of_an_extension_holds_everywhere(
    pattern: Pattern, folders: list[str], root: str, name: str
) -> None:
    if pattern.extension(".vid") is YES:
        assert pattern.file(join((root, *folders, name + ".vid"))) is YES
