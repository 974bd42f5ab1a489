"""HTML displays of tensors and modules for notebooks. They never raise: an object that cannot be drawn is shown as text."""

from __future__ import annotations

import math
from html import escape
from typing import Any

from minigrad.nn import Module
from minigrad.pictures import MONOSPACE
from minigrad.tensors.tensor import Tensor
from minigrad.viz.graphs.numbers import byte_count, counted, sizes, summary

__all__ = ["module_html", "tensor_html"]

MOST = 200  # rows of a table
CELL = 'style="text-align:left;padding:2px 14px 2px {}px"'


def tensor_html(tensor: Tensor) -> str | None:
    """Return the tensor as it prints and a line of facts; None, which means text without markup, on any error."""
    try:
        facts = [sizes(tensor.shape), str(tensor.dtype), byte_count(tensor.nbytes), summary(tensor.array)]
        if tensor.requires_grad:
            facts.append("requires a gradient" if tensor.is_leaf else f"from {tensor.grad_fn.operation}")  # type: ignore[union-attr]
        line = escape(" · ".join(filter(None, facts)))
        return f'<div style="{MONOSPACE}">{escape(repr(tensor))}</div><small style="opacity:.7">{line}</small>'
    except Exception:
        return None


def module_html(module: Module) -> str | None:
    """Return a table of the modules inside, with their parameters; None, which means text without markup, on any error."""
    try:
        rows = []
        for name, inner in module.named_modules():
            parameters = list(inner.parameters(recurse=False))
            label = f"{type(inner).__name__}({'' if list(inner.children()) else inner.extra_repr()})"
            shapes = ", ".join(sizes(p.shape) for p in parameters)
            count = sum(math.prod(p.shape) for p in parameters)
            rows.append(_row(name.count(".") + bool(name), name.rpartition(".")[2], label, shapes, count))
        more = f"<tr><td>… {len(rows) - MOST} more</td></tr>" if len(rows) > MOST else ""
        head = "".join(f"<th {CELL.format(0)}>{text}</th>" for text in ("", "module", "shapes", "parameters"))
        total = sum(math.prod(p.shape) for p in module.parameters())
        return (
            f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows[:MOST])}{more}</tbody></table>"
            f"<small>{escape(type(module).__name__)}: {counted(total, 'parameter')}</small>"
        )
    except Exception:
        return None


def _row(depth: int, name: str, label: str, shapes: str, count: int) -> str:
    cells: list[Any] = [escape(name), f"<code>{escape(label)}</code>", escape(shapes), f"{count:,}" if count else ""]
    indents = [16 * depth, 0, 0, 0]
    return "<tr>" + "".join(f"<td {CELL.format(i)}>{c}</td>" for i, c in zip(indents, cells, strict=True)) + "</tr>"
