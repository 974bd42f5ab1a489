"""NumPy's dispatch protocols: ``np.f(tensor)`` calls the operation registered for it, with NumPy's names and defaults.

A function without an operation, or an option that the operation does not have, raises a TypeError that names it: nothing is
computed silently outside the graph.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np

from minigrad import ops
from minigrad.arrays import Traced, shape_of
from minigrad.engine.registry import FUNCTIONS, UFUNCS, register
from minigrad.errors import GraphError

__all__ = ["call_function", "call_ufunc"]

REDUCTIONS: dict[Any, Any] = {  # np.add.reduce is np.sum
    np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min,
    np.logical_and: np.all, np.logical_or: np.any,
}  # fmt: skip
REDUCING = {
    np.sum, np.prod, np.mean, np.std, np.var, np.max, np.min, np.ptp, np.any, np.all, np.count_nonzero, np.median,
    np.average, np.nansum, np.nanprod, np.nanmean, np.nanstd, np.nanvar, np.nanmax, np.nanmin,
}  # fmt: skip
ACCUMULATIONS: dict[Any, Any] = {np.add: np.cumsum, np.multiply: np.cumprod}
DEFAULTS = {"casting": "same_kind", "order": "K", "dtype": None, "subok": True, "signature": None, "where": True}
INSTEAD = {  # hints where the intent is certain
    "np.add.at": "x[i] += v, or mg.add_at", "np.asanyarray": "np.asarray", "np.copyto": "x.copy_(y)", "np.put": "x[i] = v",
    "np.fill_diagonal": "x[i, i] = v", "np.copy": "x.clone()",
}  # fmt: skip


def call_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Call a ufunc, or one of its methods, with a tensor among its inputs or outputs."""
    name = f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
    if method == "reduce" and REDUCTIONS.get(ufunc) in FUNCTIONS:
        return _along_an_axis(name, REDUCTIONS[ufunc], inputs, {"axis": 0} | options)
    if method == "accumulate" and ACCUMULATIONS.get(ufunc) in FUNCTIONS:
        return _along_an_axis(name, ACCUMULATIONS[ufunc], inputs, {"axis": 0} | options)
    op = UFUNCS.get(ufunc)
    if op is None or method not in ("__call__", "outer"):
        _refuse(name, inputs)
    out, where = options.pop("out", None), options.pop("where", True)
    for key, value in options.items():
        if value is not DEFAULTS[key] and value != DEFAULTS[key]:
            raise TypeError(f"{name}: option {key} is not supported on tensors" + _cast_hint(key))
    if method == "outer":
        x, y = inputs
        column: Any = x if isinstance(x, Traced) else np.asarray(x)
        inputs = (ops.reshape(column, shape_of(x) + (1,) * len(shape_of(y))), y)
    if where is not True:
        if out is None:
            raise TypeError(f"{name}: where= needs out=, which has the values of the other elements")
        return _into(name, out[0], _masked(op, inputs, where, out[0]))
    result = op(*inputs)
    if out is None:
        return result
    if len(out) == 1:
        return _into(name, out[0], result)
    return tuple(r if o is None else _into(name, o, r) for r, o in zip(result, out, strict=True))


def call_function(function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Call a NumPy function with a tensor among its arguments."""
    handler = FUNCTIONS.get(function)
    if handler is None:
        _refuse(_name(function), (*args, *options.values()))
    translation = _translation(function, handler)
    if translation is None or (len(args) == 1 and not options and not translation.defaults):
        return handler(*args, **options)
    arguments = translation.defaults | translation.numpy.bind(*args, **options).arguments
    if function in REDUCING and arguments.get("axis", 0) in ((), []):
        raise TypeError(
            f"{_name(function)}: axis=() means none to NumPy, and all to PyTorch\n  hint: leave it out, or x.clone()"
        )
    out = arguments.pop("out", None)
    given = {}
    for key, value in arguments.items():
        if key in translation.names:
            given[translation.names[key]] = value
        elif value is not None and value is not translation.numpy.parameters[key].default:
            raise TypeError(f"{_name(function)}: option {key} is not supported on tensors" + _cast_hint(key))
    result = handler(*[given.pop(name) for name in translation.positional if name in given], **given)
    return result if out is None else _into(_name(function), out, result)


class _Translation(NamedTuple):
    """The translation of a NumPy call into one of its handler."""

    numpy: inspect.Signature
    names: dict[str, str]  # from NumPy's names of parameters to the handler's
    defaults: dict[str, Any]  # NumPy's, of parameters for which the handler has another default
    positional: tuple[str, ...]  # positional-only parameters of the handler


@functools.cache
def _translation(function: Callable[..., Any], handler: Callable[..., Any]) -> _Translation | None:
    """Return the translation of calls of a NumPy function, or None for arguments that need none.

    A parameter that NumPy names differently (`a` for our `x`) is the handler's at the same position, unless it is an option.
    """
    try:
        numpy, ours = inspect.signature(function), inspect.signature(handler)
    except (TypeError, ValueError):
        return None
    parameters = [*numpy.parameters.values(), *ours.parameters.values()]
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters):
        return None
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in ours.parameters.values()):
        return None
    simple = (int, float, bool, str, tuple, type(None))
    placed = [n for n, p in numpy.parameters.items() if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    names = {name: name for name in numpy.parameters if name in ours.parameters}
    for theirs, mine in zip(placed, ours.parameters, strict=False):
        if theirs not in names and mine not in placed and not isinstance(numpy.parameters[theirs].default, simple):
            names[theirs] = mine
    defaults = {
        theirs: default
        for theirs, mine in names.items()
        if isinstance(default := numpy.parameters[theirs].default, simple) and default != ours.parameters[mine].default
    }
    positional = tuple(n for n, p in ours.parameters.items() if p.kind is inspect.Parameter.POSITIONAL_ONLY)
    return _Translation(numpy, names, defaults, positional)


def _along_an_axis(name: str, function: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return the NumPy function equivalent to a method of a ufunc."""
    out = options.pop("out", None)
    return call_function(function, inputs, options if out is None else options | {"out": out[0]})


def _masked(op: Callable[..., Any], inputs: tuple[Any, ...], where: Any, out: Any) -> Any:
    """Return `out` with the result of `op` where the mask is True; elsewhere inputs are not read and get no gradient."""
    shape = np.broadcast_shapes(*map(shape_of, (*inputs, where)))
    mask = np.broadcast_to(_plain(where), shape)
    chosen = [ops.getitem(ops.broadcast_to(x, shape), mask) if shape_of(x) else x for x in inputs]
    return ops.setitem(out, mask, op(*chosen))


def _into(name: str, out: Any, result: Any) -> Any:
    """Put a result into `out=`: a tensor is replaced by it, an array is written to, if nothing is recorded."""
    if isinstance(out, Traced):
        out.refuse_change(name)
        tensor = result if isinstance(result, Traced) else out.record(ops.astype, (result, result.dtype))
        return out.replace_with(tensor, name)
    if isinstance(result, Traced):
        if result.node is not None:
            raise GraphError(
                f"{name}: the result requires a gradient, and an array as out= would forget how it was made\n"
                "  hint: write a = a + t instead of a += t, or pass a tensor"
            )
        result = result.array
    np.copyto(out, result, casting="same_kind")
    return out


def _refuse(name: str, arguments: Sequence[Any]) -> NoReturn:
    """Raise TypeError for a function without an operation."""
    instead = INSTEAD.get(name)
    tracked = any(isinstance(x, Traced) and x.node is not None for x in arguments)
    raise TypeError(
        f"{name}: has no gradient rule here, so it does not take tensors\n"
        + (f"  hint: use {instead}" if instead else f"  hint: use t{'.detach()' if tracked else ''}.numpy()")
    )


def _cast_hint(option: str) -> str:
    return "\n  hint: use x.astype(dtype)" if option == "dtype" else ""


def _name(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__name__}".replace("numpy", "np", 1)


def _query(function: Callable[..., Any]) -> Callable[..., Any]:
    """Register a NumPy function that only inspects values: it runs on the arrays, outside the graph."""

    @functools.wraps(function)
    def query(*args: Any, **options: Any) -> Any:
        return function(*map(_plain, args), **{key: _plain(value) for key, value in options.items()})

    return query


def _plain(arg: Any) -> Any:
    return arg.array if isinstance(arg, Traced) else arg


for _function in (
    np.shape, np.ndim, np.size, np.allclose, np.array_equal, np.array_equiv, np.isclose, np.result_type,
    np.iscomplexobj, np.isrealobj, np.may_share_memory, np.shares_memory,
):  # fmt: skip
    register(_function)(_query(_function))
