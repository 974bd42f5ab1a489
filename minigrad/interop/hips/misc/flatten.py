"""Trees of arrays as one vector, and back: HIPS autograd's `misc.flatten`."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import ops, pytree
from minigrad.arrays import shape_of
from minigrad.tensors.tensor import Tensor

__all__ = ["flatten", "flatten_func"]


def flatten(value: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return the vector of all elements of nested dicts, lists and tuples, keys in order, and the way back.

    >>> import numpy as np
    >>> from minigrad.interop.hips.misc import flatten
    >>> vector, back = flatten({"w": np.array([[1.0, 2.0]]), "b": 3.0})
    >>> vector
    array([3., 1., 2.])
    >>> back(vector * 2)
    {'b': np.float64(6.0), 'w': array([[2., 4.]])}
    """
    found, rebuild = pytree.flatten(_ordered(value))
    shapes = [shape_of(leaf) for leaf in found.values()]
    parts = [leaf if isinstance(leaf, Tensor) else np.asarray(leaf, np.float64) for leaf in found.values()]
    ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])

    def unflatten(vector: Any) -> Any:
        pieces = [vector[start:end] for start, end in itertools.pairwise(ends)]
        return rebuild([p.reshape(shape) if shape else p[0] for p, shape in zip(pieces, shapes, strict=True)])

    return ops.concatenate([ops.reshape(part, (-1,)) for part in parts]) if parts else np.zeros(0), unflatten


def flatten_func(func: Callable[..., Any], example: Any) -> tuple[Callable[..., Any], Callable[[Any], Any], Any]:
    """Return a function of nested containers as one of their vector, the way back, and the vector of an example.

    The function returns a vector, too.

    >>> import numpy as np
    >>> from minigrad.interop.hips.misc import flatten_func
    >>> f, back, vector = flatten_func(lambda p: p["a"] * p["b"].sum(), {"a": 2.0, "b": np.ones(2)})
    >>> f(vector), back(vector)["b"]
    (array([4.]), array([1., 1.]))
    """
    vector, unflatten = flatten(example)

    def flat(vector: Any, *args: Any, **kwargs: Any) -> Any:
        return flatten(func(unflatten(vector), *args, **kwargs))[0].reshape(-1)

    return flat, unflatten, vector


def _ordered(tree: Any) -> Any:
    """Return the tree with the keys of its dicts sorted, as in HIPS."""
    if isinstance(tree, dict):
        return {key: _ordered(tree[key]) for key in sorted(tree)}
    return type(tree)([_ordered(branch) for branch in tree]) if type(tree) in (list, tuple) else tree
