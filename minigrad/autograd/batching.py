"""vmap: a function of one example becomes a function of a batch."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from minigrad import ops
from minigrad.errors import GraphError, ShapeError
from minigrad.pytree import flatten, leaves
from minigrad.random import default_generator, isolate_draws
from minigrad.tensors.tensor import Tensor, tensor

__all__ = ["vmap"]


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """Return a function that calls `func` on each example of a batch, and stacks the results.

    * `in_dims`: the axis of the examples in each argument, or None for an argument that all examples share: one for all
      arguments, or a tuple with one for each, which may be a tree like the argument. Keyword arguments are shared.
    * `out_dims`: the axis of the examples in the results: one for all, or a tree like the result. None for a result that is
      the same for all examples, which is returned once.
    * `randomness`: draws from the default generator raise an error, or are "different" or the "same" for each example.
    * `chunk_size`: accepted as in PyTorch, and ignored.

    It is a loop: `func` is called once for each example, and takes as long as that. So everything is allowed in it: any
    control flow, other transforms, `vmap` itself, and in and around it gradients of every order. PyTorch computes all
    examples at once, and refuses what depends on their values. Raises ValueError for axes that do not fit, for batches of
    different sizes or without an example, and for `randomness` and `chunk_size` out of range; RuntimeError for draws;
    GraphError for results that are no tensors; ShapeError for results whose shapes differ.

    >>> import minigrad as mg
    >>> x, y = mg.tensor([[1.0, 2.0], [3.0, 4.0]]), mg.tensor([10.0, 20.0])
    >>> mg.func.vmap(mg.dot)(x, x), mg.func.vmap(mg.multiply, in_dims=(None, 0), out_dims=1)(x[0], y)
    (tensor([ 5., 25.]), tensor([[10., 20.],
            [20., 40.]]))

    The gradients of each example:

    >>> loss = lambda w, x, y: ((w * x).sum() - y) ** 2
    >>> mg.func.vmap(mg.func.grad(loss), in_dims=(None, 0, 0))(mg.tensor([1.0, 1.0]), x, y)
    tensor([[ -14.,  -28.],
            [ -78., -104.]])
    """
    if randomness not in ("error", "different", "same"):
        raise ValueError(f"vmap: randomness must be 'error', 'different' or 'same', got {randomness!r}")
    if chunk_size is not None and not chunk_size > 0:
        raise ValueError(f"vmap: chunk_size must be None or at least 1, got {chunk_size}")

    @functools.wraps(func)
    def batched(*args: Any, **kwargs: Any) -> Any:
        given, rebuild = flatten(args)
        count, columns = _split(given, _dims("in_dims", in_dims, args))

        def run(state: Any) -> list[Any]:
            source = default_generator().bit_generator
            found = []
            for example in zip(*columns, strict=True):
                if randomness == "same":
                    source.state = state
                found.append(func(*rebuild(example), **kwargs))
            if randomness == "error" and source.state != state:
                source.state = state
                raise RuntimeError(
                    "vmap: the function drew random numbers\n"
                    "  hint: pass randomness='different' for other numbers in each example, or randomness='same'"
                )
            return found

        if not count:
            raise ValueError("vmap: the batch has no example, and without one the shape of the result is unknown")
        return _joined(isolate_draws(run), out_dims)

    return batched


def _dims(name: str, dims: Any, tree: Any) -> list[int | None]:
    """Return the axis for each leaf of a tree; `dims` is one for all, or a tree with one for each branch."""
    if dims is None or (isinstance(dims, int) and not isinstance(dims, bool)):
        return [dims] * len(leaves(tree))
    pairs: Iterable[tuple[Any, Any]]
    if isinstance(dims, Mapping) and isinstance(tree, Mapping) and dims.keys() == tree.keys():
        pairs = [(dims[key], tree[key]) for key in tree]
    elif isinstance(dims, list | tuple) and isinstance(tree, list | tuple) and len(dims) == len(tree):
        pairs = zip(dims, tree, strict=True)
    else:
        raise ValueError(
            f"vmap: {name} {dims} does not fit {type(tree).__name__} of {len(leaves(tree))} tensors\n"
            "  rule    it is an axis, None, or a tuple, list or dict with one for each entry"
        )
    return [axis for dim, branch in pairs for axis in _dims(name, dim, branch)]


def _split(given: dict[str, Any], dims: list[int | None]) -> tuple[int, list[list[Any]]]:
    """Return the number of examples, and for each leaf of the arguments a list with its value in each example."""
    sizes: dict[str, int] = {}
    for (path, leaf), dim in zip(given.items(), dims, strict=True):
        if dim is None:
            continue
        if not isinstance(leaf, Tensor | np.ndarray):
            raise ValueError(f"vmap: argument {path} is of type {type(leaf).__name__}\n  hint: give it None in in_dims")
        if not -leaf.ndim <= dim < leaf.ndim:
            raise ValueError(f"vmap: argument {path} of shape {tuple(leaf.shape)} has no axis {dim} of in_dims")
        sizes[path] = leaf.shape[dim]
    if len(set(sizes.values())) != 1:
        listed = ", ".join(f"{path} has {size}" for path, size in sizes.items())
        raise ValueError(f"vmap: the arguments need one number of examples, {listed or 'but in_dims has no axis'}")
    (count,) = set(sizes.values())
    return count, [
        [leaf] * count
        if dim is None
        else _examples(ops.moveaxis(leaf if isinstance(leaf, Tensor) else tensor(leaf), dim, 0))
        for leaf, dim in zip(given.values(), dims, strict=True)
    ]


def _examples(x: Tensor) -> list[Tensor]:
    """Return the examples of a batch, halved again and again: the gradient of one slice of n costs n elements."""
    half = len(x) // 2
    if not half or not x.requires_grad:
        return list(ops.unbind(x))
    return _examples(ops.getitem(x, slice(half))) + _examples(ops.getitem(x, slice(half, None)))


def _joined(results: list[Any], out_dims: Any) -> Any:
    """Return the results of all examples stacked, in a tree like each of them."""
    found, rebuild = flatten(results[0])
    rows = [flatten(result)[0] for result in results]
    for i, row in enumerate(rows):
        if row.keys() != found.keys():
            raise ValueError(f"vmap: the results differ: {list(found)} in example 0, {list(row)} in example {i}")
        for path, leaf in row.items():
            if not isinstance(leaf, Tensor):
                raise GraphError(
                    f"vmap: the function must return tensors, got {type(leaf).__name__}{path and f' at {path}'}"
                )
            if leaf.shape != found[path].shape:
                shapes = f"{found[path].shape} in example 0, {leaf.shape} in example {i}"
                raise ShapeError(f"vmap: the shapes of {path or 'the results'} differ: {shapes}")
    stacked = []
    for path, dim in zip(found, _dims("out_dims", out_dims, results[0]), strict=True):
        column = [row[path] for row in rows]
        if dim is None and any(leaf is not column[0] and not leaf.equal(column[0]) for leaf in column):
            raise ValueError(f"vmap: {path or 'the result'} differs between examples\n  hint: give it an axis in out_dims")
        stacked.append(column[0] if dim is None else ops.stack(column, dim))
    return rebuild(stacked)
