"""A site without a fault is met; a fact that is missing anywhere never makes a pass."""

from dataclasses import fields, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_wfo.core.checks import judge
from pytest_wfo.core.facts import HostFacts, Known, Unknown
from pytest_wfo.core.site_facts import SiteFacts
from pytest_wfo.core.verdicts import Verdict
from tests.support.sites import access, healthy_site, listener, site, the_plan, with_facts

OF = site()
CELLS = the_plan(OF).cells
HEALTHY = healthy_site(OF)
FACTS = [item.name for item in fields(HostFacts) if item.name not in ("access", "files")]
PASSING = {Verdict.MET, Verdict.NOT_APPLICABLE}


def test_every_cell_of_a_healthy_site_is_met_or_does_not_apply() -> None:
    found = judge(CELLS, HEALTHY)

    wide = {key for key, finding in found.items() if finding.verdict not in PASSING}
    assert wide == {
        ("least-privilege-2010.narrow", "premises"),
        ("least-privilege-2010.narrow", "edge"),
    }, "a host without any packet filter is open to all"
    assert found["host.access", "client"].verdict is Verdict.MET
    assert all(finding.judgement.evidence for finding in found.values()), "never without evidence"


def test_a_host_that_was_not_reached_has_one_explanation_and_no_pass() -> None:
    lost = replace(
        HEALTHY, hosts={**HEALTHY.hosts, "client": HostFacts(access=access("client", "filtered"))}
    )
    found = judge(CELLS, lost)
    of_client = [finding for key, finding in found.items() if key[1] == "client"]

    assert {finding.verdict for finding in of_client} == {Verdict.NOT_VERIFIED}
    assert [item.requirement for item in of_client if not item.depends_on_access] == ["host.access"]
    assert "filtered: client did not answer" in found["host.access", "client"].judgement.summary
    assert found["host.access", "client"].judgement.remedy == "look at the network"


def test_a_host_that_was_never_asked_has_no_pass() -> None:
    hosts = {name: facts for name, facts in HEALTHY.hosts.items() if name != "premises"}
    found = judge(CELLS, replace(HEALTHY, hosts=hosts))

    assert {f.verdict for key, f in found.items() if key[1] == "premises"} == {Verdict.NOT_VERIFIED}


@settings(max_examples=60)
@given(st.data())
def test_dropping_a_fact_never_turns_a_cell_into_met(data: st.DataObject) -> None:
    """From a site with faults: whatever is taken away, no blocked cell becomes a pass."""
    facts = _faulty(data)
    before = judge(CELLS, facts)
    dropped = data.draw(
        st.lists(
            st.tuples(st.sampled_from(sorted(facts.hosts)), st.sampled_from(FACTS)), min_size=1
        )
    )
    for name, fact in dropped:
        facts = with_facts(facts, name, **{fact: Unknown("dropped")})
    after = judge(CELLS, facts)

    for key, finding in after.items():
        if before[key].verdict not in PASSING:
            assert finding.verdict not in PASSING, (key, dropped)


@settings(max_examples=60)
@given(st.data())
def test_dropping_single_entries_never_turns_a_cell_into_met(data: st.DataObject) -> None:
    """Lists that lose an entry: a missing probe or listener is never better than a bad one."""
    facts = _faulty(data)
    before = judge(CELLS, facts)
    name = data.draw(st.sampled_from(sorted(facts.hosts)))
    field = data.draw(st.sampled_from(["probes", "listeners", "addresses", "routes"]))
    fact = getattr(facts.hosts[name], field)
    if isinstance(fact, Unknown) or not fact.value:
        return
    index = data.draw(st.integers(0, len(fact.value) - 1))
    entries = (*fact.value[:index], *fact.value[index + 1 :])
    after = judge(CELLS, with_facts(facts, name, **{field: Known(entries, fact.source)}))

    for key, finding in after.items():
        if before[key].verdict not in PASSING:
            assert finding.verdict not in PASSING, (key, name, field, index)


def _faulty(data: st.DataObject) -> SiteFacts:
    """A site in which some listeners are bound to loopback and some connections fail."""
    from pytest_wfo.core.facts import Heard, Reach

    facts = HEALTHY
    ports = data.draw(st.sets(st.sampled_from([2010, 2012, 443, 943]), max_size=3))
    listeners = facts.hosts["premises"].listeners
    assert isinstance(listeners, Known)
    bound = tuple(
        listener(item.port, "127.0.0.1") if item.port in ports else item for item in listeners.value
    )
    facts = with_facts(facts, "premises", listeners=Known(bound, "ss"))
    for name in ("client", "premises", "cloud"):
        probes = facts.hosts[name].probes
        assert isinstance(probes, Known)
        bad = data.draw(st.sets(st.integers(0, len(probes.value) - 1), max_size=3))
        reach = data.draw(st.sampled_from([Reach.FILTERED, Reach.REFUSED, Reach.OPEN]))
        changed = tuple(
            replace(probe, reach=reach, heard=Heard.SILENCE) if index in bad else probe
            for index, probe in enumerate(probes.value)
        )
        facts = with_facts(facts, name, probes=Known(changed, "python3"))
    return facts
