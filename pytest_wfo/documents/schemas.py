"""The JSON Schemas of what people write, for editors; made from the types that validate it.

``python -m pytest_wfo.documents.schemas docs`` writes them into the folder ``docs`` anew.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from pytest_wfo.documents.inventory_types import Inventory
from pytest_wfo.documents.waiver_types import AttestationsFile, WaiversFile


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


def waivers_schema() -> dict[str, Any]:
    """The schema of a file of waivers."""
    schema = TypeAdapter(WaiversFile).json_schema(schema_generator=_Schema)
    entry = schema["$defs"]["WaiverEntry"]
    entry["oneOf"] = [{"required": ["expires"]}, {"required": ["permanent"]}]
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema}


def attestations_schema() -> dict[str, Any]:
    """The schema of a file of attestations."""
    schema = TypeAdapter(AttestationsFile).json_schema(schema_generator=_Schema)
    entry = schema["$defs"]["AttestationEntry"]
    entry["dependentRequired"] = {"file": ["sha256"], "sha256": ["file"]}
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema}


SCHEMAS = {
    "inventory": inventory_schema,
    "waivers": waivers_schema,
    "attestations": attestations_schema,
}


def write_schemas(folder: Path) -> None:
    """Write every schema into ``folder``."""
    for name, schema in SCHEMAS.items():
        text = json.dumps(schema(), indent=2) + "\n"
        (folder / f"{name}.schema.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]))
