"""Nested containers of numbers: dicts, lists, tuples and named tuples, whose leaves are tensors, arrays or numbers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from typing import Any

__all__ = ["flatten", "map_leaves"]

Leaves = dict[str, Any]  # by their paths, in order: {"['w'][0]": 1.0}


def flatten(tree: Any) -> tuple[Leaves, Callable[[Iterable[Any]], Any]]:
    """The leaves of a tree by their paths, and a function that makes the same tree of other leaves.

    Whatever is no container is a leaf, but None is an empty container.

    >>> leaves, rebuild = flatten({"w": [1.0, 2.0], "b": (3.0, None)})
    >>> leaves
    {"['w'][0]": 1.0, "['w'][1]": 2.0, "['b'][0]": 3.0}
    >>> rebuild(v * 10 for v in leaves.values())
    {'w': [10.0, 20.0], 'b': (30.0, None)}
    """
    leaves: Leaves = {}
    _collect(tree, "", leaves)
    return leaves, lambda values: _rebuild(tree, iter(values))


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """The same tree with ``function(leaf)`` for each leaf.

    >>> map_leaves(len, ["ab", {"c": "def"}])
    [2, {'c': 3}]
    """
    leaves, rebuild = flatten(tree)
    return rebuild(map(function, leaves.values()))


def _collect(tree: Any, path: str, leaves: Leaves) -> None:
    branches = _branches(tree)
    if branches is None:
        leaves[path] = tree
    else:
        for step, branch in branches:
            _collect(branch, path + step, leaves)


def _branches(tree: Any) -> list[tuple[str, Any]] | None:
    """What a container holds, and how each is reached; None for a leaf."""
    if tree is None:
        return []
    if isinstance(tree, dict):
        return [(f"[{key!r}]", branch) for key, branch in tree.items()]
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return [(f".{name}", branch) for name, branch in zip(tree._fields, tree, strict=True)]
    if isinstance(tree, list | tuple):
        return [(f"[{i}]", branch) for i, branch in enumerate(tree)]
    return None


def _rebuild(tree: Any, values: Iterator[Any]) -> Any:
    branches = _branches(tree)
    if branches is None:
        return next(values)
    if tree is None:
        return None
    new = [_rebuild(branch, values) for _, branch in branches]
    if isinstance(tree, dict):
        same = copy.copy(tree)  # an OrderedDict stays one
        same.update(zip(tree, new, strict=True))
        return same
    return type(tree)(*new) if hasattr(tree, "_fields") else type(tree)(new)
