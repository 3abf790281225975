"""The JSON Schema of the inventory, for editors; made from the types that validate it.

``python -m pytest_wfo.documents.schemas > docs/inventory.schema.json`` writes it anew.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from pytest_wfo.documents.inventory_types import Inventory


class _Schema(GenerateJsonSchema):
    """Keys are absent or have a value, never null; titles would only repeat the keys."""

    def nullable_schema(self, schema: Any) -> Any:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: Any) -> Any:
        if schema.get("default", ...) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def inventory_schema() -> dict[str, Any]:
    """The schema of draft 2020-12. What it cannot say (``via`` names a host), the loader checks."""
    schema = TypeAdapter(Inventory).json_schema(schema_generator=_Schema)
    host = schema["$defs"]["HostEntry"]
    host["oneOf"] = [{"required": ["role"]}, {"required": ["roles"]}]
    host["not"] = {"required": ["address", "addresses"]}
    for section in ("hosts", "jump_hosts"):
        schema["properties"][section]["additionalProperties"] = False  # other names are no names
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema}


if __name__ == "__main__":
    json.dump(inventory_schema(), sys.stdout, indent=2)
    sys.stdout.write("\n")
