"""The boxes of a picture, from the scopes of its nodes: calls of modules, of composite functions, lanes of derivatives."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from minigrad.engine.scope import Derivative, Scope
from minigrad.nn import Module
from minigrad.viz.graphs.ir import Group

__all__ = ["LANES", "Groups", "Lane", "parameter_name"]

Lane = tuple[int, int]  # twice the order of a derivative, one more after it; its turn, 0 if each lane is there once
LANES = ("forward", "first derivative", "second derivative", "third derivative", "fourth derivative", "fifth derivative")


class Groups:
    """A group for each scope, parents first, with modules under the names that their users gave them."""

    def __init__(self, lanes: bool, turns: bool, called: Mapping[int, str]) -> None:
        self.found: list[Group] = []
        self.scopes: list[Scope | None] = []  # of each group
        self.roots: list[Module] = []  # outermost modules; alive for as long as the picture is being made
        self._lanes, self._turns, self._called = lanes, turns, called  # the variables that hold modules, by id
        self._index: dict[tuple[Lane, int, int], int] = {}  # (lane, derivatives in the chain, id of scope): group
        self._paths: dict[int, str] = {}  # id of a module: its dotted name in its root
        self._modules: dict[int, Module] = {}  # by index of a group

    def group_of(self, scope: Scope | None, lane: Lane) -> int:
        """Return the group of nodes made in a scope; -1 if there is none around them."""
        chain = []
        if self._turns and lane[0] % 2:  # what follows a derivative takes turns with it
            lane = 0, lane[1]
        walks = _walks(scope)  # a second derivative goes through a call, and through the first derivative of the call
        while scope is not None and (lane, walks, id(scope)) not in self._index:
            chain.append(scope)
            scope = scope[0]
        group = self._lane(lane) if scope is None else self._index[lane, walks, id(scope)]
        for inner in reversed(chain):
            if not isinstance(inner[1], Derivative):
                made = self._module(inner, group) if _is_module(inner) else self._function(inner, group, lane[0])
                group = self._add(made, inner)
            self._index[lane, walks, id(inner)] = group
        return group

    def _lane(self, lane: Lane) -> int:
        if not self._lanes or (self._turns and not lane[0]):
            return -1
        if (lane, 0, 0) not in self._index:
            order = lane[0] // 2
            name = LANES[order] if order < len(LANES) else f"derivative {order}"
            self._index[lane, 0, 0] = self._add(Group("lane", f"after the {name}" if lane[0] % 2 else name))
        return self._index[lane, 0, 0]

    def _add(self, group: Group, scope: Scope | None = None) -> int:
        self.found.append(group)
        self.scopes.append(scope)
        return len(self.found) - 1

    def _module(self, scope: Scope, parent: int) -> Group:
        module: Module | None = scope[1]()
        if module is None:
            return Group("module", "module", parent)
        if id(module) not in self._paths:
            self._name(module)
        path, kind = self._paths[id(module)], type(module).__name__
        around = self.found[parent].path if parent >= 0 else ""
        self._modules[len(self.found)] = module
        detail = "" if list(module.children()) else module.extra_repr()
        return Group("module", path.removeprefix(f"{around}.") if path else kind, parent, path, kind, detail)

    def root_names(self) -> dict[int, str]:
        """Return, by id, a name for each outermost module: its class, or where there are several, its variable."""
        names: dict[int, str] = {}
        for root in self.roots:
            kind = type(root).__name__
            name = self._called.get(id(root), kind) if len(self.roots) > 1 else kind
            twins = sum(other.partition(" ")[0] == name for other in names.values())
            names[id(root)] = f"{name} ({twins + 1})" if twins else name
        return names

    def finished(self) -> list[Group]:
        """Return the groups; a module that is called several times says which call each is, as "fc #1 of 2"."""
        roots = self.root_names()
        calls: dict[tuple[int, int], dict[int, int]] = {}  # by scope: the number of the call
        for i, module in self._modules.items():
            known = calls.setdefault((self._around(i), id(module)), {})
            known.setdefault(id(self.scopes[i]), 1 + len(known))
        groups = list(self.found)
        for i, module in self._modules.items():
            known = calls[self._around(i), id(module)]
            name = roots.get(id(module), groups[i].name) if not groups[i].path else groups[i].name
            if len(known) > 1:
                name += f" #{known[id(self.scopes[i])]} of {len(known)}"
            groups[i] = replace(groups[i], name=name)
        return groups

    def _around(self, i: int) -> int:
        """Return the identity of the call around that of a group: the same in every lane."""
        scope = self.scopes[i]
        return 0 if scope is None else id(scope[0])

    def _function(self, scope: Scope, parent: int, lane: int) -> Group:
        name = scope[1].__name__
        return Group(
            "function",
            f"∇ {name}" if lane and not lane % 2 else name,
            parent,
            self.found[parent].path if parent >= 0 else "",
        )

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


def _walks(scope: Scope | None) -> int:
    """Return how many derivatives are around a scope."""
    found = 0
    while scope is not None:
        found += isinstance(scope[1], Derivative)
        scope = scope[0]
    return found


def _is_module(scope: Scope) -> bool:
    return isinstance(scope[1], weakref.ref)
