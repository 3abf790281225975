"""What a cell asks of an antivirus, with the folders of the host; and what to ask of the host for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pytest_wfo.core.antivirus.task import AntivirusTask
from pytest_wfo.core.hosts import Host
from pytest_wfo.core.plan import Cell
from pytest_wfo.core.requirements import Claim, Item, ItemKind

_ASKS = (
    Claim.EXCLUDED_MEMORY_RESIDENT,
    Claim.EXCLUDED_ON_DEMAND,
    Claim.UNTOUCHED,
    Claim.CONSIDERED,
)


def item_of(cell: Cell) -> Item:
    """The cell's item as it is on its host.

    Raises:
        ValueError: the cell's requirement has none.
    """
    if cell.requirement.item is None:
        raise ValueError(
            f"{cell.requirement.id} speaks of no process, extension, folder or file type"
        )
    return _there(cell.requirement.item, cell.host)


def items_of(cell: Cell) -> tuple[Item, ...]:
    """The items of other rows that the cell looks at, as they are on its host."""
    return tuple(_there(item, cell.host) for item in cell.requirement.items)


def antivirus_task(
    cells: Iterable[Cell], host: Host, *, run: str = "", canary: bool = False
) -> AntivirusTask:
    """What ``host`` is asked so that its cells can be judged: nothing, if none is about antivirus."""
    asked: dict[ItemKind, dict[str, None]] = {kind: {} for kind in ItemKind}
    concerns = False
    for cell in cells:
        if cell.host.name == host.name and cell.requirement.claim in _ASKS:
            own = () if cell.requirement.item is None else (item_of(cell),)
            for item in (*own, *items_of(cell)):
                asked[item.kind][item.text] = None
            concerns = concerns or cell.requirement.claim is Claim.CONSIDERED
    if not any(asked.values()):
        return AntivirusTask()
    return AntivirusTask(
        folders=tuple(asked[ItemKind.FOLDER]),
        processes=tuple(asked[ItemKind.PROCESS]),
        extensions=tuple(asked[ItemKind.EXTENSION]),
        file_types=tuple(asked[ItemKind.FILE_TYPE]),
        run=run,
        canary=canary,
        concerns=concerns,
    )


def _there(item: Item, host: Host) -> Item:
    moved = host.folders.get(item.folder) if item.folder else None
    return replace(item, text=moved) if moved else item
