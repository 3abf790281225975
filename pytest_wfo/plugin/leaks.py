"""The last fence: the files a run wrote are searched for the secrets of the inventory.

It stands behind the writers of all reports, pytest's own among them. (The terminal's summary comes
later still, but not after an internal error, with ``-p no:terminal`` or with ``--no-summary``.)
"""

from __future__ import annotations

import gzip
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pytest_wfo.connect.errors import ConnectError
from pytest_wfo.plugin.outputs import pytests_own, shown
from pytest_wfo.plugin.reporting import REPORT
from pytest_wfo.plugin.run import RUN, is_distributing, is_worker
from pytest_wfo.report import RESULTS
from pytest_wfo.report.page import checksum_file
from pytest_wfo.report.results import results_text

_GZIP = b"\x1f\x8b"


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    """Search when all have written, however the run ended."""
    config = session.config
    if is_worker(config):
        return (yield)
    run = config.stash[RUN]
    learn_secrets(config)
    try:
        done = yield
        run.written.extend(file for file in pytests_own(config).values() if file.is_file())
        return done
    except OSError as error:
        run.problems.append(f"NOT WRITTEN, or cut off: a report of pytest's own: {error}")
    finally:
        run.problems.extend(_delete_leaks(config))
        if run.problems and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def learn_secrets(config: pytest.Config) -> None:
    """Know also the secrets that only tests have read: workers of pytest-xdist have vaults of their
    own, and any test can print its environment."""
    run = config.stash[RUN]
    schemes = {"env", "file"}
    if is_distributing(config) and run.wanted_hosts:
        schemes.add("keyring")  # only where a worker may have opened it, as it may ask the user
    connections = [host.connection for host in run.site.hosts.values()]
    connections += run.site.jump_hosts.values()
    for ref in dict.fromkeys(ref for each in connections for ref in each.secrets):
        if ref.scheme in schemes:
            with suppress(ConnectError):
                run.vault.resolve(ref, host="", endpoint="", user="")


def _delete_leaks(config: pytest.Config) -> Iterator[str]:
    """Delete each file that holds a secret; says so."""
    run = config.stash[RUN]
    results = run.settings.folder / RESULTS
    # What was found is packed in the page, escaped or cut in other formats; plain it stands in
    # results.json.
    own = [file for file in pytests_own(config).values() if file.is_file()]
    rendered = {*run.written} - {results, run.settings.save_facts, *own}
    found: tuple[str, ...] = ()
    if results in run.written:
        found = run.vault.leaks_in(_content(results))
    elif rendered and REPORT in config.stash:
        found = run.vault.leaks_in("".join(results_text(config.stash[REPORT])).encode())
    for file in dict.fromkeys((*run.written, *own)):
        try:
            leaked = set(run.vault.leaks_in(_content(file)))
        except OSError as error:
            yield f"NOT SEARCHED for secrets: {shown(file, config)}: {error}; look before you pass it on"
            continue
        if file in rendered:
            leaked.update(found)
        if leaked:
            yield _delete(file, ", ".join(sorted(leaked)), config)


def _delete(file: Path, secrets: str, config: pytest.Config) -> str:
    done = "the file was deleted"
    try:
        file.unlink()
        checksum_file(file).unlink(missing_ok=True)
    except OSError as error:
        done = f"the file could NOT be deleted ({error.strerror}), do it by hand"
    return (
        f"SECRET FOUND in {shown(file, config)} ({secrets}): {done}. "
        "A host sent it back, or a test printed it; change the secret and report this."
    )


def _content(file: Path) -> bytes:
    data = file.read_bytes()
    return gzip.decompress(data) if data.startswith(_GZIP) else data
