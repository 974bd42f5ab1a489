"""Hooks that run in the middle of a backward walk, as soon as the gradient of a leaf is complete."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence

from minigrad.engine.tape import Gradient, Node

__all__ = ["announce", "awaited", "early", "hooks_on_arrival"]

awaited: weakref.WeakKeyDictionary[Node, dict[int, Callable[[Gradient], None]]] = weakref.WeakKeyDictionary()


def hooks_on_arrival(leaf: Node) -> dict[int, Callable[[Gradient], None]]:
    """Return the hooks of a leaf that are called with each gradient that will be added to `.grad` at the end of the walk.

    The walk visits such a leaf behind the last node that adds to its gradient, and then goes on to older nodes.
    """
    return awaited.setdefault(leaf, {})


def announce(leaf: Node, g: Gradient) -> None:
    """Call the hooks of a leaf."""
    for hook in list(awaited.get(leaf, {}).values()):
        hook(g)


def early(nodes: Sequence[Node]) -> list[Node]:
    """Return the nodes of a walk with each leaf that has hooks behind the last of the nodes that add to its gradient."""
    last = {parent: node.number for node in nodes for parent in node.parents if parent in awaited}
    return sorted(nodes, key=lambda node: (-last.get(node, node.number), node in last))
