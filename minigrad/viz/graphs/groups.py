"""The boxes of a picture, from the scopes of its nodes: calls of modules, of composite functions, lanes of derivatives."""

from __future__ import annotations

import inspect
import weakref
from collections import Counter
from typing import Any

from minigrad.engine.scope import Derivative, Scope
from minigrad.nn import Module
from minigrad.viz.graphs.ir import Group

__all__ = ["LANES", "Groups", "parameter_name"]

LANES = ("forward", "first derivative", "second derivative", "third derivative", "fourth derivative", "fifth derivative")


class Groups:
    """A group for each scope, parents first, with modules under the names that their users gave them."""

    def __init__(self, lanes: bool) -> None:
        self.found: list[Group] = []
        self.roots: list[Module] = []  # outermost modules; alive for as long as the picture is being made
        self._lanes = lanes
        self._index: dict[tuple[int, int], int] = {}  # (lane, id of scope): group
        self._paths: dict[int, str] = {}  # id of a module: its dotted name in its root
        self._calls: Counter[tuple[int, str]] = Counter()

    def group_of(self, scope: Scope | None, lane: int) -> int:
        """Return the group of nodes made in a scope; -1 if there is none around them."""
        chain = []
        while scope is not None and (lane, id(scope)) not in self._index:
            chain.append(scope)
            scope = scope[0]
        group = self._lane(lane) if scope is None else self._index[lane, id(scope)]
        for inner in reversed(chain):
            if not isinstance(inner[1], Derivative):
                group = self._add(self._module(inner, group) if _is_module(inner) else self._function(inner, group, lane))
            self._index[lane, id(inner)] = group
        return group

    def _lane(self, lane: int) -> int:
        if not self._lanes:
            return -1
        if (lane, 0) not in self._index:
            name = LANES[lane] if lane < len(LANES) else f"derivative {lane}"
            self._index[lane, 0] = self._add(Group("lane", name))
        return self._index[lane, 0]

    def _add(self, group: Group) -> int:
        self.found.append(group)
        return len(self.found) - 1

    def _module(self, scope: Scope, parent: int) -> Group:
        module = scope[1]()
        if module is None:
            return Group("module", "module", parent, type="module")
        if id(module) not in self._paths:
            self._name(module)
        path, kind = self._paths[id(module)], type(module).__name__
        around = self.found[parent].path if parent >= 0 else ""
        name = path.removeprefix(f"{around}.") if path else kind
        self._calls[parent, name] += 1
        call = self._calls[parent, name]
        detail = "" if list(module.children()) else module.extra_repr()
        return Group("module", f"{name} #{call}" if call > 1 else name, parent, path, kind, detail)

    def _function(self, scope: Scope, parent: int, lane: int) -> Group:
        name = scope[1].__name__
        return Group("function", f"∇ {name}" if lane else name, parent, self.found[parent].path if parent >= 0 else "")

    def _name(self, root: Module) -> None:
        """Name a module, and all inside it without a name, as seen from it: it is the outermost one."""
        self.roots.append(root)
        for path, module in root.named_modules():
            self._paths.setdefault(id(module), path)


def parameter_name(scope: Scope, position: int) -> str:
    """Return the name of an argument of the call that a scope stands for; empty if it is not known."""
    function: Any = scope[1]
    if _is_module(scope):
        module = function()
        function = None if module is None else module.forward
    try:
        parameters = inspect.signature(function).parameters.values()
        names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        return names[position]
    except (TypeError, ValueError, IndexError):
        return ""


def _is_module(scope: Scope) -> bool:
    return isinstance(scope[1], weakref.ref)
