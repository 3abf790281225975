"""Our gathering without pytest around it, as a process of its own beside the floor.

    python benchmarks/gathering.py INVENTORY

Asks every host of the inventory for all its cells. Prints the number of hosts that answered.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pytest_wfo.connect.secrets import Vault
from pytest_wfo.core.plan import plan
from pytest_wfo.documents.editions import load_edition
from pytest_wfo.documents.inventory import load_inventory
from pytest_wfo.gather.site import gather_site


def main() -> int:
    """Ask all hosts; 0 if every one answered."""
    site = load_inventory(Path(sys.argv[1]))
    cells = plan(load_edition(site.edition), site).cells
    vault = Vault(prompt=lambda question: "")
    snapshot = gather_site(site, tuple(site.hosts), cells, vault, lambda name, reason: None)
    reached = sum(answer.access.reached for answer in snapshot.answers.values())
    print(reached)
    return 0 if reached == len(site.hosts) else 1


if __name__ == "__main__":
    sys.exit(main())
