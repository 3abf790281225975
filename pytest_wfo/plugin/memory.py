"""Python's garbage collector in a large run: a million objects that all stay until the end.

Looking through them again and again takes a fifth of the run's time and finds nothing.
"""

from __future__ import annotations

import atexit
import gc

import pytest

from pytest_wfo.plugin.suite_items import SuiteFunction

_NO_OTHERS = pytest.StashKey[bool]()


def spare_the_collector(config: pytest.Config) -> None:
    """Look for garbage less often until pytest is done. To be called before other plugins are
    configured, so that theirs is done by then."""
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 100)

    def restore() -> None:
        gc.unfreeze()
        gc.set_threshold(*before)

    config.add_cleanup(restore)
    atexit.register(gc.freeze)  # the interpreter looks through everything once more as it ends


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Note whether users' own tests take part, whose garbage pytest wants to see."""
    session.config.stash[_NO_OTHERS] = all(type(item) is SuiteFunction for item in session.items)


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> object:
    """What tests of ours have made stays until the end and is not looked at again."""
    done = yield
    if session.config.stash.get(_NO_OTHERS, False):
        gc.freeze()
    return done
