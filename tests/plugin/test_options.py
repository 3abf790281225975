"""What is wrong with a command line or a file is said, with exit code 4."""

from pathlib import Path

import pytest

from tests.support.runs import Run, results


def said(result: pytest.RunResult) -> str:
    return " ".join((result.stderr.str() + result.stdout.str()).split())


def test_a_mistyped_inventory_names_line_column_and_the_likely_word(
    run: Run, pytester: pytest.Pytester
) -> None:
    (pytester.path / "inventory.yml").write_text(
        "site: {name: X}\nhosts:\n  p: {role: premises, adress: 10.0.0.1}\n"
    )
    result = run("--wfo-hosts=inventory.yml")

    assert result.ret == 4
    assert 'inventory.yml:3:23: hosts.p.adress: unknown key; did you mean "address"?' in said(
        result
    )


def test_a_missing_inventory(run: Run) -> None:
    result = run("--wfo-hosts=nowhere.yml")

    assert result.ret == 4
    assert "nowhere.yml" in said(result)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--wfo-demo", "--wfo-hosts=x.yml"), "drop --wfo-hosts"),
        (("--wfo-facts=x",), "need --wfo-hosts"),
        (("--wfo-fixes=x",), "need --wfo-hosts"),
        (("--wfo-demo", "--wfo-facts=a", "--wfo-save-facts=b"), "contacts no host"),
        (("--wfo-demo", "--wfo-probe=loud"), "invalid choice"),
        (("--wfo-demo", "--runxfail"), "what is waived or advisory; drop it"),
    ],
    ids=["demo-and-hosts", "facts-alone", "fixes-alone", "facts-and-save", "probe", "runxfail"],
)
def test_options_that_contradict_one_another(
    run: Run, options: tuple[str, ...], words: str
) -> None:
    result = run(*options)

    assert result.ret == 4
    assert words in said(result)


def test_facts_that_are_no_facts(run: Run, facts: Path, pytester: pytest.Pytester) -> None:
    (pytester.path / "bad.json").write_text("{}")
    result = run(f"--wfo-hosts={facts / 'inventory.yml'}", "--wfo-facts=bad.json")

    assert result.ret == 4
    assert "not a facts file" in said(result)


def test_facts_of_another_site_are_refused(
    run: Run, facts: Path, pytester: pytest.Pytester
) -> None:
    (pytester.path / "inventory.yml").write_text(
        "site: {name: Elsewhere}\nhosts:\n  prem01: {role: premises, address: 10.20.0.10}\n"
    )
    result = run("--wfo-hosts=inventory.yml", f"--wfo-facts={facts / 'facts.json.gz'}")

    assert result.ret == 4
    assert "these are facts of the site 'Contoso Columbus (demo)'" in said(result)


def test_a_space_that_moves_rootdir_is_refused_with_the_safe_spelling(
    run: Run, pytester: pytest.Pytester
) -> None:
    """pytest takes the value for a test path, and rootdir would silently be the inventory's folder."""
    elsewhere = pytester.mkdir("elsewhere")
    (elsewhere / "inventory.yml").write_text("site: {name: X}\nhosts: {}\n")
    (elsewhere / "pytest.ini").write_text("[pytest]\n")
    here = pytester.mkdir("here")
    pytester.chdir()
    import os

    os.chdir(here)
    result = run("--wfo-hosts", "../elsewhere/inventory.yml")

    assert result.ret == 4
    assert "moved pytest's rootdir" in said(result)
    assert "write --wfo-hosts=../elsewhere/inventory.yml instead" in said(result)


def test_a_space_works_where_it_is_harmless(run: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / "inventory.yml").write_text(
        "site: {name: X}\nhosts:\n  p: {role: premises, address: 10.0.0.1}\n"
    )
    result = run("--wfo-hosts", "inventory.yml", "--collect-only", "-q")

    assert result.ret == 0
    assert "wfo/test_access.py::test_access[host-p]" in result.stdout.str()


def test_probe_none_reads_only_and_says_so_also_when_its_facts_are_judged_again(
    run: Run, pytester: pytest.Pytester
) -> None:
    part = ("-k", "client-80 and connects and desk-01")
    result = run("--wfo-demo", "--wfo-probe=none", "--wfo-save-facts=none.json.gz", *part)

    assert result.ret == 1
    assert "this run tried no connections" in said(result)
    assert results(pytester.path)["run"]["probe"] == "none"

    run("--wfo-demo", "--wfo-facts=none.json.gz", *part)

    assert "read from none.json.gz" in results(pytester.path)["run"]["facts"]
    assert results(pytester.path)["run"]["probe"] == "none"
