"""What a person sees: pytest-html's page of a run, in a real browser, with hostile hosts."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from pytest_wfo.gather.snapshot import load_snapshot, save_snapshot
from tests.support.runs import Run, results

HOSTILE = (
    "<script>document.title='XSS'</script>"
    "<img src=x onerror=\"document.title='XSS'\">"
    "</pre></section><svg onload=document.title='XSS'>"
    "&lt;img src=x onerror=document.title='XSS'&gt;"
    "\x1b]0;owned\x07\x1b[31mred\u202e\n\r\0"
)
NAMED = HOSTILE.replace("\0", "")  # the registry ends a text there
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page_file(run: Run, facts: Path, pytester: pytest.Pytester) -> Path:
    """The page of a run in which every text of every host is hostile."""
    snapshot = load_snapshot(facts / "facts.json.gz")
    answers = {}
    for name, answer in snapshot.answers.items():
        if answer.access.reached:
            answers[name] = replace(answer, output=hostile(answer.output))
        else:
            lost = replace(answer.access, message=HOSTILE, remedy=HOSTILE)
            answers[name] = replace(answer, access=lost)
    save_snapshot(replace(snapshot, answers=answers), pytester.path / "hostile.json.gz")
    result = run(f"--wfo-hosts={facts / 'inventory.yml'}", "--wfo-facts=hostile.json.gz")
    assert result.ret == 1
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
    assert "\x1b" not in result.stdout.str()
    return pytester.path / "wfo-report" / "pytest.html"


def hostile(output: str) -> str:
    """An answer with the same meaning and hostile names: host, owners, rules, system."""
    envelope = json.loads(output)
    if envelope.get("platform") == "windows":
        hostile_windows(envelope)
    else:
        hostile_linux(envelope["sections"])
    return json.dumps(envelope)


def hostile_linux(sections: dict[str, Any]) -> None:
    sections["hostname"]["out"] = HOSTILE + "A" * 1_000_000
    sections["os"]["out"] = f'PRETTY_NAME="{HOSTILE}\xff\xfe"'
    sections["ss"]["out"] = sections["ss"]["out"].replace("sshd", HOSTILE.replace('"', ""))
    nft = json.loads(sections["nft"]["out"])
    for item in nft["nftables"]:
        if "rule" in item:
            item["rule"]["comment"] = HOSTILE
    sections["nft"]["out"] = json.dumps(nft)


def hostile_windows(envelope: dict[str, Any]) -> None:
    sections = envelope["sections"]
    sections["computer"]["value"]["dns"] = HOSTILE + "A" * 1_000_000
    sections["system"]["value"]["caption"] = HOSTILE
    for row in sections["processes"]["value"]["rows"]:
        row["name"] += HOSTILE
    for row in sections["services"]["value"]["rows"]:
        row["account"] += HOSTILE
    for row in sections["interfaces"]["value"]["rows"]:
        row["alias"] += HOSTILE
    for path, key in envelope["registry"].items():
        if path.endswith("FirewallRules"):
            key["values"] = [re.sub("Name=[^|]*", f"Name={NAMED}", each) for each in key["values"]]
        elif path.endswith("CurrentVersion"):
            key["values"][key["values"].index("ProductName") + 1] = HOSTILE


def opened(browser: Browser, file: Path, *, scripts: bool = True) -> tuple[Page, list[str]]:
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()
    noise: list[str] = []
    page.on(
        "console", lambda message: noise.append(message.text) if message.type == "error" else None
    )
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on("dialog", lambda dialog: noise.append(dialog.message))
    page.on(
        "request",
        lambda request: noise.append(request.url) if request.url != file.as_uri() else None,
    )
    page.goto(file.as_uri())
    return page, noise


def test_nothing_a_host_sends_runs_and_the_verdict_stands_first(
    browser: Browser, page_file: Path
) -> None:
    page, noise = opened(browser, page_file)
    page.wait_for_selector("#results-table tbody")
    block = page.locator("section.wfo")

    assert page.title().startswith("WFO environmental requirements: Contoso Columbus")
    assert page.locator("section.wfo h2").inner_text().startswith("NO-GO")
    assert page.locator("section.wfo :is(script, img, svg)").count() == 0
    box, environment = block.bounding_box(), page.locator("#environment-header").bounding_box()
    assert box is not None
    assert environment is not None
    assert box["y"] < environment["y"], "the verdict stands above pytest-html's own tables"
    assert [words for words in noise if not words.startswith("data:")] == []


def test_the_verdict_and_the_blockers_are_there_without_scripts(
    browser: Browser, page_file: Path
) -> None:
    page, noise = opened(browser, page_file, scripts=False)
    text = page.locator("section.wfo").inner_text()

    assert "NO-GO" in text
    assert "Hosts not examined" in text
    assert "cloud-range-95.forwards-out" in text
    assert noise == []


def test_hostile_names_change_no_verdict(
    page_file: Path,
    facts: Path,
    run: Run,
    pytester: pytest.Pytester,
) -> None:
    hostile_run = {
        (item["requirement"], item["host"]): item["verdict"]
        for item in results(pytester.path)["results"]
    }
    run(f"--wfo-hosts={facts / 'inventory.yml'}", f"--wfo-facts={facts / 'facts.json.gz'}")
    plain_run = {
        (item["requirement"], item["host"]): item["verdict"]
        for item in results(pytester.path)["results"]
    }

    assert hostile_run == plain_run


def test_a_failing_script_would_be_seen(browser: Browser, tmp_path: Path) -> None:
    """Guards the tests above: this browser does run what is not escaped."""
    file = tmp_path / "page.html"
    file.write_text("<title>plain</title><script>document.title='XSS'; nosuch()</script>")
    page, noise = opened(browser, file)

    assert page.title() == "XSS"
    assert noise


def test_ids_and_metadata_run_nothing_and_findings_have_their_columns(
    browser: Browser, run: Run, facts: Path, pytester: pytest.Pytester
) -> None:
    markup = "<img src=x onerror=document.title='XSS'>"
    pytester.makepyfile(
        test_mine=f"""
        import pytest

        @pytest.mark.wfo_requirement("host.access")
        def test_access(wfo_finding): wfo_finding.must_hold()

        @pytest.mark.parametrize("what", [1], ids=[{markup!r}])
        def test_it(what): pass
        """
    )
    run(
        f"--wfo-hosts={facts / 'inventory.yml'}", f"--wfo-facts={facts / 'facts.json.gz'}",
        "test_mine.py", "--metadata", "from", markup,
    )  # fmt: skip
    page, noise = opened(browser, pytester.path / "wfo-report" / "pytest.html")
    page.wait_for_selector("#results-table tbody")
    page.locator("#environment-header").click()

    assert page.title().startswith("WFO environmental requirements")
    assert page.locator(f"#environment:has-text({json.dumps(markup)})").count() == 1
    assert page.locator(f"td.col-testId:has-text({json.dumps(markup)})").count() == 1
    row = page.locator("tr:has(td.col-host:text-is('desk-03'))")
    assert row.locator("td.col-requirement").inner_text() == "host.access"
    assert row.locator("td.col-verdict").inner_text() == "not verified"
    assert [words for words in noise if not words.startswith("data:")] == []
