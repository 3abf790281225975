"""results.json holds every planned cell and keeps to its schema."""

import json
from dataclasses import replace
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.core.facts import HostFacts
from pytest_wfo.core.hosts import Feature
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Verdict
from pytest_wfo.core.waivers import AcceptedFile
from pytest_wfo.report.model import SiteReport
from pytest_wfo.report.results import results, write_results
from tests.support.reports import RUN, accepted, finding, report
from tests.support.sites import access, healthy_site, site, the_plan

SCHEMA = json.loads(
    resources.files("pytest_wfo").joinpath("report/results.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def unreachable() -> SiteReport:
    of = site()
    hosts = {**healthy_site(of).hosts, "client": HostFacts(access("client", "filtered"))}
    return report(of, SiteFacts(of, hosts))


@pytest.mark.parametrize(
    "made",
    [
        report(),
        report(
            changed=finding("client-80.connects", "client", Verdict.NOT_MET, excerpt="\x1b[31m")
        ),
        report(selected=[("client-80.connects", "client")]),
        unreachable(),
        report(site(features=frozenset())),
        report(
            changed=accepted("client-80.connects", "client", Verdict.WAIVED, attested=True)
            | accepted("client-943.connects", "client", Verdict.WAIVED, permanent=True)
            | accepted("client-443.connects", "client", Verdict.ATTESTED),
            run=replace(RUN, gate="strict", accepted=(AcceptedFile("waivers.yml", "c" * 64),)),
        ),
    ],
    ids=["healthy", "not-met", "partial", "unreachable", "not-planned", "accepted"],
)
def test_every_planned_cell_stands_in_it_once_and_it_keeps_to_the_schema(made: SiteReport) -> None:
    data = results(made)

    VALIDATOR.validate(data)
    cells = [(item["requirement"], item["host"]) for item in data["results"]]
    of = site(features=frozenset(map(Feature, made.site.features)))
    assert cells == [cell.key for cell in the_plan(of).cells]
    assert sum(data["counts"].values()) == len(cells)


def test_the_decision_and_the_reason_are_there() -> None:
    data = results(
        report(changed=finding("client-80.connects", "client", Verdict.NOT_MET, "refused"))
    )
    (bad,) = [
        item for item in data["results"] if item["verdict"] == "not met" and not item["advisory"]
    ]

    assert data["decision"] == "NO-GO"
    assert bad["summary"] == "refused"
    assert bad["evidence"] == [{"statement": "a rule", "source": "nft", "excerpt": ""}]
    assert bad["remedy"] == "do this"


def test_an_unreached_host_says_how_that_went() -> None:
    data = results(unreachable())
    (client,) = [item for item in data["hosts"] if item["name"] == "client"]

    assert client["access"]["reason"] == "filtered"
    assert client["access"]["reached"] is False


@settings(max_examples=30)
@given(st.text(max_size=300))
def test_any_text_from_a_host_comes_back_as_it_was(text: str) -> None:
    made = report(
        changed=finding("client-80.connects", "client", Verdict.NOT_MET, text, text, text)
    )
    data = json.loads(json.dumps(results(made)))
    (bad,) = [
        item for item in data["results"] if item["verdict"] == "not met" and not item["advisory"]
    ]

    assert (bad["summary"], bad["evidence"][0]["excerpt"]) == (text, text)


def test_the_file_is_ascii_and_whole(tmp_path: Path) -> None:
    file = tmp_path / "wfo-report" / "results.json"
    write_results(
        report(changed=finding("client-80.connects", "client", Verdict.NOT_MET, "\ud800 \u202e é")),
        file,
    )

    assert file.read_bytes().isascii()
    assert json.loads(file.read_text(encoding="ascii"))["decision"] == "NO-GO"
    assert [item.name for item in file.parent.iterdir()] == ["results.json"], "no part file left"
