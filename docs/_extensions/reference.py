"""The directive ``{reference} minigrad.nn``: public names with signatures and documentation, one anchor each.

With ``:from: nn.convolution nn.pooling`` those that these files define, with ``:names: pi e`` those alone; without, all that
no other block names. A name whose object is described under another name is one line that leads there.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

from docs._extensions import examples, public, signatures

INDENT = "   "


class Reference(SphinxDirective):
    required_arguments = 1
    option_spec = {"from": directives.unchanged, "names": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        block = public.block(self.arguments[0], self.options)
        found = block.entries()
        described = [line for entry in found if not entry.same for line in _described(entry)]
        elsewhere = [line for entry in found if entry.same for name in entry.names for line in _same(entry, name)]
        text = ["````{eval-rst}", *described, *elsewhere, "````"]
        node = nodes.section()
        node.document = self.state.document
        self.state.nested_parse(StringList(text, source=f"<{block.namespace}>"), 0, node)
        for name in node.findall(addnodes.desc_addname):
            namespace = name.astext().removesuffix(".")
            if namespace in public.NAMESPACES:
                name[:] = [nodes.Text(public.NAMESPACES[namespace] + ".")]
        for described in node.findall(addnodes.desc):
            if described[-1].astext().startswith("alias of "):
                described["classes"].append("alias")
        return node.children


def _described(entry: public.Entry) -> Iterator[str]:
    """Yield the description of an entry, then a line for each of its other names."""
    value, name = entry.value, entry.names[0]
    path = f"{entry.namespace}.{name}"
    if isinstance(value, ModuleType):
        yield from _object("data", [path], _of_module(value))
    elif not callable(value) and not isinstance(value, type):
        yield from _object(
            "data", [path], [f"The value {_literal(value)}."] if public.is_plain(value) else documentation(value)
        )
    else:
        kind = "class" if isinstance(value, type) else "function"
        called = signatures.signatures(value, name) if entry.home not in public.BY_PYTHON else []
        body = examples.with_prefixes(documentation(value), entry.home)
        if entry.home in public.BY_PYTHON:  # whose documentation is long, and begins with signatures
            body = [line for line in body if line and not re.match(r"\w+\(.*\)$", line)][:1]
        example = examples.example(entry)
        body += ["", *example] if example else []
        if isinstance(value, type):
            body += _members(path, public.members(value), entry.home)
        yield from _object(kind, [path + text for text in called] or [path], body)
    for other in entry.names[1:]:
        yield from _alias(f"{entry.namespace}.{other}", path)


def _of_module(module: ModuleType) -> list[str]:
    namespace = public.SAME.get(module.__name__, module.__name__)
    first = next(iter(documentation(module)), f"The names of Python's own ``{namespace}``.")
    blocks = {page: [b for b in found if b.namespace == namespace] for page, found in public.pages().items()}
    page = namespace.rpartition(".")[2] if module.__name__ != "minigrad.ops" else "../operations"
    if not (blocks.get(page) or page[0] == "."):  # no page of its name: the one that has the most of it
        page = max(blocks, key=lambda page: len(blocks[page])) if any(blocks.values()) else None
    return [f"{first} See :doc:`/reference/{page}`." if page else first]


def _members(path: str, members: list[public.Member], home: str) -> Iterator[str]:
    """Yield attributes, methods, operations as methods, and those in place."""
    groups: dict[str, list[public.Member]] = {"Attributes": [], "Methods": [], "Operations as methods": [], "In place": []}
    for member in members:
        if not _is_called(member.value):
            groups["Attributes"].append(member)
        elif member.of is not None:
            groups["Operations as methods"].append(member)
        else:
            groups["In place" if member.name[-1] == "_" and path == "minigrad.Tensor" else "Methods"].append(member)
    for title, group in groups.items():
        if group and len(members) > len(group):
            yield from ("", f".. rubric:: {title}")
        for member in group:
            yield from ("", *_member(path, member, home))


def _is_called(value: Any) -> bool:
    return not isinstance(value, property) and callable(getattr(value, "__func__", value))


def _member(path: str, member: public.Member, home: str) -> Iterator[str]:
    value, name = member.value, f"{path}.{member.name}"
    body = examples.with_prefixes(documentation(value), home)
    if member.of is not None:
        body = [f"Method of {_link(*public.described(member.of))}: {body[0]}"]
    if not _is_called(value):
        body = [f"The value {_literal(value)}."] if public.is_plain(value) else body
        yield from _object("attribute", [name], body)
        return
    kind = {staticmethod: "staticmethod", classmethod: "classmethod"}.get(type(value), "method")
    called = signatures.method_signatures(value, member.name)
    yield from _object(kind, [name + text for text in called] or [name], body)


def _literal(value: Any) -> str:
    text = repr(value)
    return f"``{text if len(text) < 80 else text[:76] + ' ...'}``"


def _same(entry: public.Entry, name: str) -> Iterator[str]:
    assert entry.same is not None
    yield from _alias(f"{entry.namespace}.{name}", ".".join(entry.same))


def _alias(path: str, other: str) -> Iterator[str]:
    namespace, _, name = other.rpartition(".")
    yield from _object("data", [path], [f"alias of {_link(namespace, name)}"])


def _link(namespace: str, name: str) -> str:
    return f":py:obj:`{public.NAMESPACES[namespace]}.{name} <{namespace}.{name}>`"


def _object(kind: str, called: list[str], body: list[str]) -> Iterator[str]:
    yield f".. py:{kind}:: {called[0]}"
    for text in called[1:]:
        yield f"{INDENT}{' ' * len(kind)}       {text}"
    yield ""
    yield from (INDENT + line if line else "" for line in body)
    yield ""


def documentation(value: Any) -> list[str]:
    """Return the lines of a docstring as reStructuredText: `*S` and |x| are not meant as emphasis and substitution."""
    lines = _with_bullets((inspect.getdoc(value) or "").splitlines())
    for i, line in enumerate(lines):
        if line.lstrip().startswith((">>>", "...")):
            continue
        bullet = re.match(r"\s*\* |", line)[0]
        parts = line.removeprefix(bullet).split("``")  # every second part is literal
        star = r"\*" if line.count("**") % 2 else r"(?<!\*)\*(?!\*)"  # two of them embrace strong words
        parts[::2] = [re.sub(rf"{star}|\||(?<=\w)_(?!\w)", r"\\\g<0>", part) for part in parts[::2]]
        lines[i] = re.sub(r"(?<=[Ss]ee )`([a-z]\w*)`", _linked, bullet + "``".join(parts))
    return lines


def _linked(found: re.Match[str]) -> str:
    """Return a name as a link to where it is described, if it is."""
    for namespace in public.NAMESPACES:
        for entry in public.entries(namespace):
            if found[1] in entry.names:
                return _link(*(entry.same or (namespace, entry.names[0])))
    return found[0]


def _with_bullets(lines: list[str]) -> list[str]:
    """Return a docstring with its table of arguments, a name and aligned text on each line, as a list."""
    found: list[str] = []
    column = 0
    for line in lines:
        row = re.match(r"(\w+)  +(?=\S)", line)
        if row and (column or not found or not found[-1]):
            column = row.end()
            found.append(f"* ``{row[1]}``: {line[column:]}")
        elif column and line and not line[:column].strip():
            found.append("  " + line.strip())
        else:
            found += ["", line] if column and line else [line]  # a list ends with an empty line
            column = 0
    return found


def setup(app):
    app.add_directive("reference", Reference)
    return {"parallel_read_safe": True}
