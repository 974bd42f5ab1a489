"""The directive ``{calculus} elementwise``: a room of `ops` as a table, read from its source.

A row is an operation with its other names, what it means, and for each input the rule of its gradient, as it stands in the
code; for a composition what it is composed of, with links to the rows of its parts; else why it has no gradient.
"""

from __future__ import annotations

import re

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from docs._extensions import rules


class Calculus(SphinxDirective):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        table = nodes.table(classes=["calculus"])
        group = nodes.tgroup(cols=3)
        group += [nodes.colspec(colwidth=width) for width in (20, 40, 40)]
        head, body = nodes.thead(), nodes.tbody()
        head += _tr([[nodes.paragraph(text=title)] for title in ("operation", "meaning", "gradient")])
        for row in rules.rows(rules.room(self.arguments[0])):
            names = nodes.paragraph()
            for name in row.names:
                names += [nodes.literal(text=name, ids=[_id(name)]), nodes.Text(" ")]
            cells = [
                [names],
                [nodes.paragraph(text=row.meaning)],
                [node for line in row.gradient for node in self._line(line)],
            ]
            body += _tr(cells)
        group += [head, body]
        table += group
        file = f"minigrad/ops/{self.arguments[0]}.py"
        page = self.env.app.builder.get_relative_uri(self.env.docname, f"source/{file}")
        return [nodes.paragraph("", "From ", nodes.reference("", "", nodes.literal(text=file), refuri=page)), table]

    def _line(self, line: rules.Line) -> list[nodes.Node]:
        text = nodes.paragraph("", line.words)
        if line.words == rules.MADE:
            for name in line.code.split(", "):
                text += [nodes.reference("", "", nodes.literal(text=name), refid=_id(name), internal=True), nodes.Text(" ")]
        elif "\n" in line.code:
            return [text, nodes.literal_block(line.code, line.code, language="python")]
        elif line.code:
            text += nodes.literal(text=line.code)
        return [text]


def _id(name: str) -> str:
    return "op-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


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
