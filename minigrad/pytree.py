"""Pytrees: nested dicts, lists, tuples and named tuples whose leaves are tensors, arrays, numbers or anything else."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

__all__ = ["flatten", "leaves", "map_leaves"]


def flatten(tree: Any) -> tuple[dict[str, Any], Callable[[Iterable[Any]], Any]]:
    """Return the leaves of a tree by their paths, and a function that builds the same tree from other leaves.

    Everything that is not a container is a leaf; None is an empty container. Mappings other than dicts are rebuilt as dicts.

    >>> found, rebuild = flatten({"w": [1.0, 2.0], "b": (3.0, None)})
    >>> found
    {"['w'][0]": 1.0, "['w'][1]": 2.0, "['b'][0]": 3.0}
    >>> rebuild(v * 10 for v in found.values())
    {'w': [10.0, 20.0], 'b': (30.0, None)}
    """
    return dict(_walk(tree, "", [])), lambda values: _rebuild(tree, iter(values))


def leaves(tree: Any) -> list[Any]:
    """Return the leaves of a tree, in order.

    >>> leaves([1, {"a": 2, "b": (3, None)}])
    [1, 2, 3]
    """
    return [leaf for _, leaf in _walk(tree, "", [])]


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """Return the same tree with each leaf replaced by ``function(leaf)``.

    >>> map_leaves(len, ["ab", {"c": "def"}])
    [2, {'c': 3}]
    """
    return _rebuild(tree, map(function, leaves(tree)))


def _walk(tree: Any, path: str, found: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    branches = _branches(tree)
    if branches is None:
        found.append((path, tree))
    else:
        for step, branch in branches:
            _walk(branch, path + step, found)
    return found


def _branches(tree: Any) -> list[tuple[str, Any]] | None:
    """Return the items of a container with the text that reaches each of them, or None for a leaf."""
    if isinstance(tree, (list, tuple)):
        if isinstance(tree, tuple) and hasattr(tree, "_fields"):
            return [(f".{name}", branch) for name, branch in zip(tree._fields, tree, strict=True)]
        return [(f"[{i}]", branch) for i, branch in enumerate(tree)]
    if tree is None:
        return []
    if isinstance(tree, Mapping):  # the slowest question, which leaves are asked last
        return [(f"[{key!r}]", branch) for key, branch in tree.items()]
    return None


def _rebuild(tree: Any, values: Iterator[Any]) -> Any:
    branches = _branches(tree)
    if branches is None:
        return next(values)
    if tree is None:
        return None
    new = [_rebuild(branch, values) for _, branch in branches]
    if isinstance(tree, Mapping):
        same = copy.copy(tree) if isinstance(tree, dict) else {}  # an OrderedDict stays one
        same.update(zip(tree, new, strict=True))
        return same
    return type(tree)(*new) if hasattr(tree, "_fields") else type(tree)(new)
