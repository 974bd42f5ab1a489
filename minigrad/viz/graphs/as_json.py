"""The graph as JSON: everything a picture knows, for other programs."""

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
    """Nodes with their ids, edges and groups by ids; facts that say nothing are left out.

    A gradient that is not finite is the string "nan", "inf"; kernels are PNG files in base64.
    """
    nodes = [{"id": f"n{i}", **_facts(node)} for i, node in enumerate(ir.nodes)]
    for node in nodes:
        if "group" in node:
            node["group"] = f"g{node['group']}"
    groups = [{"id": f"g{i}", **_facts(group)} for i, group in enumerate(ir.groups)]
    for group in groups:
        if "parent" in group:
            group["parent"] = f"g{group['parent']}"
    edges = [{"source": f"n{e.source}", "target": f"n{e.target}", "slot": e.slot, "tracked": e.tracked} for e in ir.edges]
    whole = {"schema": SCHEMA, "title": ir.title, "notes": list(ir.notes), "nodes": nodes, "edges": edges, "groups": groups}
    return json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _facts(thing: Any) -> dict[str, Any]:
    found = {}
    for field in fields(thing):
        value = getattr(thing, field.name)
        if value in ("", None, (), -1) and field.name != "shape":
            continue
        found[field.name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Image):
        png = base64.b64encode(value.png).decode("ascii")
        return {"caption": value.caption, "width": value.width, "height": value.height, "png": png}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
