"""`minigrad.pytree` under the path and names that libraries import from PyTorch; None is an empty container here."""

from collections.abc import Callable
from typing import Any

from minigrad.pytree import flatten, map_leaves
from minigrad.pytree import leaves as tree_leaves

__all__ = ["tree_flatten", "tree_leaves", "tree_map", "tree_unflatten"]


def tree_flatten(tree: Any) -> tuple[list[Any], Callable[[Any], Any]]:
    """Return the leaves of a tree and what `tree_unflatten` needs to build the same tree from others.

    >>> found, spec = tree_flatten({"a": 1, "b": (2, 3)})
    >>> found, tree_unflatten([10, 20, 30], spec)
    ([1, 2, 3], {'a': 10, 'b': (20, 30)})
    """
    found, rebuild = flatten(tree)
    return list(found.values()), rebuild


def tree_unflatten(leaves: Any, treespec: Callable[[Any], Any]) -> Any:
    """Return the tree of `tree_flatten` with other leaves."""
    return treespec(leaves)


def tree_map(func: Callable[[Any], Any], tree: Any) -> Any:
    """Return the same tree with each leaf replaced by ``func(leaf)``."""
    return map_leaves(func, tree)
