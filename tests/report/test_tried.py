"""What was done on hosts, as the page and the summary state it: also of runs that did different things."""

from __future__ import annotations

from dataclasses import replace

from pytest_wfo.report.page import page
from pytest_wfo.report.summary import summary
from tests.report.test_page import static
from tests.support.reports import RUN, report


def test_what_was_done_on_hosts_is_told_and_whether_this_run_did_it() -> None:
    told = "Tried on hosts: connections and harmless test files, where a check needed them (probe: safe)"
    made = report()
    saved = replace(made, runs=(replace(made.run, facts="read from facts.json.gz"),))

    for each in (made, saved):
        assert static(page(each)).count(told) == 2, "on the first screen, and with the method"
        assert f"- {told}\n" in summary(each)
    assert "contacted no host" not in static(page(made))
    assert "This run contacted no host: the facts were read from facts.json.gz" in static(
        page(saved)
    )


def test_merged_runs_are_told_by_the_most_that_was_done_and_in_how_many() -> None:
    saved = "taken 2026-11-20T08:00:00Z, read from facts.json.gz"
    runs = (
        replace(RUN, probe="none"),
        replace(RUN, probe="canary", facts=saved, started="2026-11-23T11:00:00Z"),
        replace(RUN, probe="safe", started="2026-11-23T12:00:00Z"),
    )
    merged = replace(report(), runs=runs)
    told = (
        "Tried on hosts: connections and harmless test files, where a check needed them, in 2 of 3 runs; "
        "the antivirus canary (the EICAR test file), in 1 of 3 runs (probe: none, safe, canary)"
    )

    assert merged.run.probe == "canary"
    assert static(page(merged)).count(told) == 2
    assert told in summary(merged)
    assert "1 of 3 runs contacted no host and judged facts gathered earlier" in static(page(merged))
    assert "This run contacted no host" not in static(page(merged))


def test_runs_that_only_read_or_only_judged_saved_facts_are_told_so() -> None:
    reading = replace(RUN, probe="none")
    saved = replace(reading, facts="taken 2026-11-20T08:00:00Z, read from facts.json.gz")
    text = static(page(replace(report(), runs=(reading, saved))))
    only_saved = static(page(replace(report(), runs=(saved, replace(saved, user="kim")))))

    assert "Tried on hosts: nothing (probe: none)." in text
    assert "1 of 2 runs contacted no host" in text
    assert "None of the runs contacted a host: they judged facts gathered earlier" in only_saved
