"""Finding the shipped suites, adding them to a run, and naming their tests the same everywhere."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from pytest_wfo.plugin.node_ids import SUITES
from pytest_wfo.plugin.options import PATH_OPTIONS

_PACKAGE = Path(__file__).resolve().parent.parent
_SUITES_ADDED = pytest.StashKey[bool]()


def suites_dir() -> Path:
    """The shipped suites: inside the package in a wheel, beside it in a checkout.

    Raises:
        pytest.UsageError: the installation lacks them.
    """
    shipped, checkout = _PACKAGE / "suites", _PACKAGE.parent
    if shipped.is_dir():
        return shipped
    if (checkout / "pyproject.toml").is_file():
        return checkout / "suites"
    raise pytest.UsageError(f"pytest-wfo: no suites in {_PACKAGE}; is the installation complete?")


class SuiteModule(pytest.Module):
    """A suite file; its tests are found whatever the user's ``python_functions`` says."""

    def funcnamefilter(self, name: str) -> bool:
        """Every ``test_*`` function is a test."""
        return name.startswith("test_")

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """What pytest collects, the tests made lean, without those that no host of this site is
        asked (pytest would show them as skipped)."""
        items = super().collect()
        if not self.config.pluginmanager.hasplugin("wfo-fixtures"):
            return items  # not about a site: pytest says which fixture is missing
        from pytest_wfo.plugin.items import cell_of
        from pytest_wfo.plugin.suite_items import made_lean

        return [made_lean(item) for item in items if cell_of(item) is not None]


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> None:
    """Add the suites to a run about a site, unless its command line says what to run."""
    chosen = early_config.known_args_namespace
    if not (chosen.wfo_hosts or chosen.wfo_demo):
        return
    guard_rootdir(early_config)
    # Paths in a project's addopts are no choice of this run's: they must not take its verdict away.
    if parser.parse_known_args(early_config.invocation_params.args).file_or_dir:
        return
    args.extend(str(file) for file in sorted(suites_dir().glob("test_*.py")))
    early_config.stash[_SUITES_ADDED] = True


def guard_rootdir(config: pytest.Config) -> None:
    """Refuse ``--wfo-hosts PATH`` (with a space) where it moved pytest's rootdir.

    The first look at the arguments happens before plugins are loaded; PATH then counts as a test
    path, and rootdir, ini file and cache would silently be those of the inventory's folder.

    Raises:
        pytest.UsageError: it did, naming the spelling that is safe.
    """
    here, root = config.invocation_params.dir, config.rootpath
    by_right = root == here or (config.inipath is not None and here.is_relative_to(root))
    if by_right or config.known_args_namespace.rootdir is not None:
        return
    arguments = [str(argument) for argument in config.invocation_params.args]
    for option in PATH_OPTIONS:
        if option in arguments[:-1]:
            value = arguments[arguments.index(option) + 1]
            raise pytest.UsageError(
                f"{option} {value} moved pytest's rootdir to {root}; write {option}={value} instead"
            )


def pytest_pycollect_makemodule(
    module_path: Path, parent: pytest.Collector
) -> pytest.Module | None:
    """Name suite modules ``wfo/<file>``, wherever the wheel was unpacked."""
    if module_path.name[:5] != "test_" or module_path.resolve().parent != suites_dir():
        return None
    module: pytest.Module = SuiteModule.from_parent(
        parent, path=module_path, nodeid=f"{SUITES}{module_path.name}"
    )
    return module


def suites_were_added(config: pytest.Config) -> bool:
    """Whether the plugin itself put the suites into this run."""
    return config.stash.get(_SUITES_ADDED, False)


def is_suite_item(item: pytest.Item) -> bool:
    """Whether a test comes from the shipped suites."""
    return any(isinstance(node, SuiteModule) for node in item.listchain())
