"""Edition 16.1 says what the document says: everything in it, and nothing that is not."""

import re
from pathlib import Path

import pytest

from pytest_wfo.core.facts import Transport
from pytest_wfo.core.hosts import Feature, Folder, Role
from pytest_wfo.core.requirements import Claim, Edition, Item, ItemKind, Requirement
from pytest_wfo.documents.editions import EditionError, known_editions, load_edition

DOCUMENT = Path(__file__).parent.parent / "data" / "environmental-requirements-16.1.txt"
_PORT_ROW = re.compile(r"\b(\d{2,4}) (HTTPS|HTTP|TCP) ")


@pytest.fixture(scope="module")
def edition() -> Edition:
    return load_edition("16.1")


def folded(text: str) -> str:
    return " ".join(text.split())


def list_items(text: str) -> list[str]:
    return [folded(line.strip(" •")) for line in text.splitlines() if line.strip().startswith("•")]


def port_rows(text: str) -> list[str]:
    """Every row of the three port tables: "port transport description"."""
    rows = []
    for table in text.split("Port Transport Description")[1:]:
        body = re.split(r"In addition,|If you use|Antivirus Software", table)[0]
        starts = [match.start() for match in _PORT_ROW.finditer(folded(body))]
        for start, end in zip(starts, [*starts[1:], None], strict=True):
            rows.append(folded(folded(body)[start:end]))
    return rows


def file_type_rows(text: str) -> list[str]:
    table = text.split("Common File Types")[1]
    return [folded(part) for part in re.split(r"\n(?=\.\w+\n)", table)[1:]]


def rows_of(edition: Edition) -> dict[str, Requirement]:
    return {item.row: item for item in edition.requirements if not item.source.ours}


def test_the_document_is_read_completely() -> None:
    """Guards the test itself: the parts of the document it finds are the ones a person counts."""
    text = DOCUMENT.read_text(encoding="utf-8")

    assert len(list_items(text)) == 2 + 3 + 6
    assert [row.split(" ", 1)[0] for row in port_rows(text)] == (
        ["2010", "2012", "4510", "443", "943", "80", "2015", "5638", "5638", "5634"]
    )
    assert len(file_type_rows(text)) == 8


def test_every_table_row_and_list_item_is_mapped_to_exactly_one_row(edition: Edition) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    words = {row: item.source.words for row, item in rows_of(edition).items()}
    matched = []
    for item in [*list_items(text), *port_rows(text), *file_type_rows(text)]:
        rows = [
            row
            for row, said in words.items()
            if item.startswith(said) or said == item or said.endswith(f"Description {item}")
        ]
        assert len(rows) == 1, (item, rows)
        matched += rows

    assert sorted(matched) == sorted(words), "nothing is mapped that is not in the document"


def test_the_words_of_every_row_stand_in_the_document(edition: Edition) -> None:
    text = folded(DOCUMENT.read_text(encoding="utf-8"))

    for requirement in edition.requirements:
        assert requirement.source.ours or requirement.source.words in text, requirement.id


def test_ports_and_transports_are_those_of_the_rows_words(edition: Edition) -> None:
    spoken = {"HTTP": {Transport.HTTP}, "HTTPS": {Transport.HTTPS}}
    for requirement in rows_of(edition).values():
        row = _PORT_ROW.search(requirement.source.words + " ")
        if row:
            assert requirement.port == int(row[1]), requirement.id
            plain = {Transport.TCP, Transport.SILVERLIGHT_POLICY}
            assert requirement.transport in spoken.get(row[2], plain), requirement.id


def test_the_cells_asked_of_each_role(edition: Edition) -> None:
    """The counts of the design: 12 exclusion cells, 8 file types, 3 advisory considerations."""
    claims = [requirement.claim for requirement in edition.requirements]

    assert (
        claims.count(Claim.EXCLUDED_MEMORY_RESIDENT) == claims.count(Claim.EXCLUDED_ON_DEMAND) == 6
    )
    assert claims.count(Claim.UNTOUCHED) == 8
    assert claims.count(Claim.CONSIDERED) == 3
    by_id = edition.by_id
    assert by_id["client-2012.connects"].roles == {Role.CLIENT}
    assert by_id["client-2012.listens"].roles == {Role.PREMISES}
    assert by_id["cloud-range-94.forwards-in"].roles == {Role.EDGE}
    assert by_id["client-recording-5638.connects"].feature is Feature.SCREEN_RECORDING
    assert by_id["client-analytics-5634.connects"].feature is Feature.DESKTOP_ANALYTICS
    assert by_id["client-943.connects"].grants_port == 4510
    assert {requirement.id for requirement in edition.requirements if requirement.source.ours} == {
        "host.access",
        "least-privilege-2010.narrow",
        "least-privilege-exclusions.narrow",
    }


def test_folders_are_parameters_and_programs_have_the_one_they_write_to(edition: Edition) -> None:
    screens = Item(ItemKind.FOLDER, "C:\\temp\\", Folder.SCREEN_RECORDING)
    logs = Item(ItemKind.FOLDER, "C:\\Program Files\\CallCopy\\Logs\\", Folder.LOGGING)
    rows = rows_of(edition)

    assert (rows["av-folder-temp"].item, rows["av-folder-logs"].item) == (screens, logs)
    assert rows["av-process-screencapserver"].items == (screens,)
    assert rows["av-process-loggerservice"].items == (logs,)
    types = [item for row, item in rows.items() if row.startswith("file-type-")]
    assert all(item.items == (screens, logs) for item in types)
    excluded = {item.item for row, item in rows.items() if row.startswith("av-")}
    assert set(edition.by_id["least-privilege-exclusions.narrow"].items) == excluded


def test_ids_are_unique_and_safe_in_test_ids(edition: Edition) -> None:
    ids = [requirement.id for requirement in edition.requirements]

    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[A-Za-z0-9._:-]+", name) for name in ids)


def test_an_unknown_edition_is_refused_with_the_known_ones() -> None:
    with pytest.raises(EditionError, match=r"edition '17' is not known; this version ships 16\.1"):
        load_edition("17")
    assert known_editions() == ("16.1",)
