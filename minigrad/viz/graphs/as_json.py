"""The graph as JSON: all of its data, for other programs."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import fields
from typing import Any

from minigrad.viz.graphs.ir import GraphIR, Image

__all__ = ["as_json"]

SCHEMA = 1


def as_json(ir: GraphIR) -> str:
    """Return nodes with their ids, and edges and groups that refer to them; empty fields are left out.

    A gradient that is not finite is the string "nan" or "inf"; kernels are PNG files in base64.
    """
    nodes = [{"id": f"n{i}", **_fields(node, "group")} for i, node in enumerate(ir.nodes)]
    groups = [{"id": f"g{i}", **_fields(group, "parent")} for i, group in enumerate(ir.groups)]
    for group, entry in zip(ir.groups, groups, strict=True):
        if group.operands:
            entry["operands"] = [f"n{i}" for i in group.operands]
    edges = [{"source": f"n{e.source}", "target": f"n{e.target}", "slot": e.slot, "tracked": e.tracked} for e in ir.edges]
    whole = {"schema": SCHEMA, "title": ir.title, "notes": list(ir.notes), "nodes": nodes, "edges": edges, "groups": groups}
    return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _fields(record: Any, reference: str) -> dict[str, Any]:
    """Return the fields of a node or group that are not empty; the field `reference` as the id of a group."""
    found = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if value not in ("", None, (), -1) or field.name == "shape":
            found[field.name] = f"g{value}" if field.name == reference else _encoded(value)
    return found


def _encoded(value: Any) -> Any:
    """Return a value as JSON can hold it."""
    if isinstance(value, Image):
        png = base64.b64encode(value.png).decode("ascii")
        return {"caption": value.caption, "width": value.width, "height": value.height, "png": png}
    if isinstance(value, tuple):
        return [_encoded(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
