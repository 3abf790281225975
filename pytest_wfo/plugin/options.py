"""Command-line options -> Settings. Imports nothing heavy: every pytest run loads this."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_wfo.report import FOLDER, GATES, PAGE

# Options whose value is a path. pytest looks at arguments before plugins are loaded and takes such
# a value for a test path when it follows a space, so rootdir may move (see ``suites.guard_rootdir``).
PATH_OPTIONS = (
    "--wfo-hosts",
    "--wfo-facts",
    "--wfo-save-facts",
    "--wfo-report",
    "--wfo-fixes",
    "--wfo-waivers",
    "--wfo-attestations",
    "--wfo-baseline",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line asked for. Paths are absolute; ``probe`` is "none", "safe" or "canary".

    ``gate`` is "advisory" (advisory requirements do not block) or "strict" (they block as well).
    """

    hosts: Path | None
    demo: bool
    facts: Path | None
    save_facts: Path | None
    probe: str
    folder: Path
    report: Path
    fixes: Path | None
    waivers: Path | None = None
    attestations: Path | None = None
    gate: str = GATES[0]
    baseline: Path | None = None

    @property
    def active(self) -> bool:
        """Whether this pytest run is about a site at all."""
        return self.hosts is not None or self.demo


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("wfo", "inContact WFO environmental requirements")
    group.addoption(
        "--wfo-hosts", metavar="INVENTORY", help="Verify the site described in this inventory file"
    )
    group.addoption(
        "--wfo-demo",
        action="store_true",
        help="Verify the embedded demo site (no infrastructure needed)",
    )
    group.addoption(
        "--wfo-facts", metavar="FILE", help="Judge facts saved by an earlier run; contact no host"
    )
    group.addoption(
        "--wfo-save-facts", metavar="FILE", help="Save the facts of this run to FILE (.json.gz)"
    )
    group.addoption(
        "--wfo-report",
        metavar="PATH",
        help=f"Write the site report to PATH (default: {FOLDER}/{PAGE})",
    )
    group.addoption(
        "--wfo-fixes",
        metavar="DIR",
        help="Write what would fix the findings to DIR (new or empty): scripts to review, a firewall "
        "change request, a checklist; nothing is executed",
    )
    group.addoption(
        "--wfo-waivers",
        metavar="FILE",
        help="What named persons accept as not met (default: the file the inventory names)",
    )
    group.addoption(
        "--wfo-attestations",
        metavar="FILE",
        help="What named persons vouch for where no command can read it (default: as above)",
    )
    group.addoption(
        "--wfo-gate",
        choices=GATES,
        default=GATES[0],
        help="What blocks: all but advisory requirements (advisory, the default), or these too (strict)",
    )
    group.addoption(
        "--wfo-baseline",
        metavar="RESULTS",
        help="Also report what changed since the run that left this results.json",
    )
    group.addoption(
        "--wfo-probe",
        choices=["none", "safe", "canary"],
        default="safe",
        help="What hosts may try: nothing (read only); the connections the document names and harmless "
        "test files (default); the antivirus canary as well, within the window of the inventory",
    )


def settings_of(config: pytest.Config) -> Settings:
    """Read the options.

    Raises:
        pytest.UsageError: options that contradict one another.
    """
    option, base = config.option, config.invocation_params.dir

    def path(value: str | None) -> Path | None:
        return base / Path(value).expanduser() if value else None

    settings = Settings(
        hosts=path(option.wfo_hosts),
        demo=option.wfo_demo,
        facts=path(option.wfo_facts),
        save_facts=path(option.wfo_save_facts),
        probe=option.wfo_probe,
        folder=base / FOLDER,
        report=path(option.wfo_report) or base / FOLDER / PAGE,
        fixes=path(option.wfo_fixes),
        waivers=path(option.wfo_waivers),
        attestations=path(option.wfo_attestations),
        gate=option.wfo_gate,
        baseline=path(option.wfo_baseline),
    )
    if settings.hosts and settings.demo:
        raise pytest.UsageError("--wfo-demo brings its own site; drop --wfo-hosts")
    dependent = PATH_OPTIONS[1:]
    if not settings.active and any(config.getoption(name) for name in dependent):
        raise pytest.UsageError(f"{', '.join(dependent)} need --wfo-hosts=inventory.yml")
    if settings.active and config.getoption("runxfail", False):
        raise pytest.UsageError(
            "--runxfail would show as failures what is waived or advisory; drop it, also from addopts"
        )
    if settings.fixes and not _is_new(settings.fixes):
        raise pytest.UsageError(
            f"--wfo-fixes writes no pack over anything: {settings.fixes} exists and is no empty folder. "
            "Name another; its scripts may still be needed to undo what they did"
        )
    if settings.facts and settings.save_facts:
        raise pytest.UsageError(
            "--wfo-facts contacts no host, so there is nothing for --wfo-save-facts"
        )
    return settings


def _is_new(folder: Path) -> bool:
    return not any(folder.iterdir()) if folder.is_dir() else not folder.exists()
