"""The pytest plugin: the only part of the package that knows pytest.

This module is loaded in every pytest run of an environment where the package is installed, so it
imports only what declares options and finds suites. Everything else is registered when the run is
about a site.
"""

from __future__ import annotations

import sys
from importlib import import_module

import pytest

from pytest_wfo.plugin.options import Settings, pytest_addoption, settings_of
from pytest_wfo.plugin.suites import pytest_load_initial_conftests, pytest_pycollect_makemodule

__all__ = ["pytest_addoption", "pytest_load_initial_conftests", "pytest_pycollect_makemodule"]

# Registered in this order, only for runs about a site.
_PARTS = ("params", "fixtures", "gathering", "outcomes", "reporting", "leaks", "memory")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers; for a run about a site, read the inventory and register the rest."""
    config.addinivalue_line(
        "markers",
        "wfo_requirement(*ids): requirements (globs over ids) a test with wfo_finding is about",
    )
    config.addinivalue_line(
        "markers", "wfo_role(*roles): roles of the hosts a test with wfo_host runs for"
    )
    # Where testinfra's own plugin is loaded, psrp:// works in every test, also without a site.
    backends = sys.modules.get("testinfra.backend")
    if backends is not None:
        backends.BACKENDS.setdefault("psrp", "pytest_wfo.connect.psrp_backend.PsrpBackend")
    settings = settings_of(config)
    if settings.active:
        _start(config, settings)


def _start(config: pytest.Config, settings: Settings) -> None:
    import_module("pytest_wfo.plugin.memory").spare_the_collector(config)
    import_module("pytest_wfo.plugin.run").start(config, settings)
    for part in _PARTS:
        module = import_module(f"pytest_wfo.plugin.{part}")
        config.pluginmanager.register(module, f"wfo-{part}")
    if config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(import_module("pytest_wfo.plugin.workers"), "wfo-workers")
    if config.pluginmanager.hasplugin("junitxml"):
        config.pluginmanager.register(import_module("pytest_wfo.plugin.junit"), "wfo-junit")
    if config.pluginmanager.hasplugin("html"):
        config.pluginmanager.register(import_module("pytest_wfo.plugin.html"), "wfo-html")
