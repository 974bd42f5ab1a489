"""The directive ``.. calculus:: minigrad.ops.elementwise``: a room of `ops` as a table, read from its source.

A row is an operation, what it means, and for each input the rule of its gradient, as it stands in the code. What has rules
is shown whether it is public or not; public operations without are compositions of others, or have no gradient.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections import defaultdict

from docutils import nodes
from sphinx.util.docutils import SphinxDirective


class Calculus(SphinxDirective):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        module = importlib.import_module(self.arguments[0])
        rules = _rules(ast.parse(inspect.getsource(module)))
        names = sorted({*module.__all__, *rules}, key=str.lower)
        rows = [_row(name, getattr(module, name), rules.get(name, [])) for name in names]
        return [_table(["operation", "meaning", "gradient"], rows)]


def _rules(tree: ast.Module) -> dict[str, list[tuple[str, str]]]:
    """For each operation, the inputs and the source of their rules."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for statement in tree.body:
        match statement:
            case ast.Assign(
                targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id="unary" | "binary"), args=[_, *rules])
            ):
                for variable, rule in zip("xy", rules, strict=False):
                    if isinstance(rule, ast.Lambda):
                        found[name].append((variable, ast.unparse(rule.body)))
            case ast.FunctionDef(name="_", body=body, decorator_list=decorators):
                source = "; ".join(ast.unparse(line) for line in body)
                for decorator in decorators:
                    match decorator:
                        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="gradient"), args=inputs):
                            for variable in inputs:
                                found[name].append((ast.literal_eval(variable), source.removeprefix("return ")))
    return found


def _row(name: str, operation: object, rules: list[tuple[str, str]]) -> list[list[nodes.Node]]:
    lines = (inspect.getdoc(operation) or "").splitlines()
    if getattr(operation, "forward", None) is not operation and lines and lines[0].startswith(f"{name}("):
        lines = lines[2:]  # a ufunc's documentation begins with its signature
    meaning = (lines or [""])[0].replace("`", "")
    gradient: list[nodes.Node] = []
    for variable, source in rules:
        line = nodes.paragraph()
        line += [nodes.emphasis(text=variable), nodes.Text(": "), nodes.literal(text=source)]
        gradient.append(line)
    return [[nodes.paragraph("", "", nodes.literal(text=name))], [nodes.paragraph(text=meaning)], gradient]


def _table(titles: list[str], rows: list[list[list[nodes.Node]]]) -> nodes.table:
    group = nodes.tgroup(cols=len(titles))
    group += [nodes.colspec(colwidth=width) for width in (20, 40, 40)]
    head, body = nodes.thead(), nodes.tbody()
    head += _tr([[nodes.paragraph(text=title)] for title in titles])
    body += [_tr(row) for row in rows]
    group += [head, body]
    table = nodes.table()
    table += group
    return table


def _tr(cells: list[list[nodes.Node]]) -> nodes.row:
    row = nodes.row()
    for cell in cells:
        entry = nodes.entry()
        entry += cell
        row += entry
    return row


def setup(app):
    app.add_directive("calculus", Calculus)
    return {"parallel_read_safe": True}
