"""Functions with rules of one's own, with the names and arguments of HIPS autograd's `extend`.

    >>> import numpy as np
    >>> from minigrad.interop.hips import grad
    >>> from minigrad.interop.hips.extend import defvjp, primitive
    >>> @primitive
    ... def cube(x):
    ...     return x**3
    >>> defvjp(cube, lambda ans, x: lambda g: g * 3 * x**2)
    >>> grad(cube)(2.0), grad(grad(cube))(2.0)
    (np.float64(12.0), np.float64(12.0))

Where a gradient is not differentiated again, rules see arrays, so that they may call what knows arrays alone; else they see
tensors. `mg.primitive` is the shorter way for new programs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad import autograd
from minigrad.engine.grad_mode import is_grad_enabled
from minigrad.errors import GraphError
from minigrad.pytree import map_leaves
from minigrad.tensors.tensor import Tensor

__all__ = ["defjvp", "defvjp", "defvjp_argnum", "defvjp_argnums", "notrace_primitive", "primitive", "unbroadcast_f"]

Maker = Callable[..., Callable[[Any], Any]]


def primitive(f_raw: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of arrays as one of tensors as well; its rules are declared by `defvjp`.

    Raises GraphError for a gradient in an argument without a rule.

    >>> import minigrad as mg
    >>> from minigrad.interop.hips.extend import primitive
    >>> primitive(lambda x: x**3)(mg.tensor(2.0))
    tensor(8.)
    """

    def forward(ctx: Any, options: Any, *args: Any) -> Any:
        out = f_raw(*map(_plain, args), **options)
        several = isinstance(out, tuple)
        made = [Tensor.from_array(np.asarray(o)) for o in (out if several else [out])]
        ctx.places = [n for n, a in enumerate(args) if isinstance(a, Tensor)]
        ctx.save_for_backward(*[args[n] for n in ctx.places], *made)
        ctx.args = [a.copy() if isinstance(a, np.ndarray) else a for a in args]  # the caller may write into them
        ctx.options, ctx.several = options, several
        return tuple(made) if several else made[0]

    def backward(ctx: Any, *grads: Any) -> Any:
        seen = (lambda x: x) if is_grad_enabled() else _plain
        saved, args, g = [*map(seen, ctx.saved_tensors)], list(ctx.args), tuple(map(seen, grads))
        for n, value in zip(ctx.places, saved, strict=False):
            args[n] = value
        out = tuple(saved[len(ctx.places) :])
        argnums = [n for n in range(len(args)) if ctx.needs_input_grad[n + 1]]
        if wrapped.vjps is None:  # type: ignore[attr-defined]
            raise GraphError(f"{f_raw.__name__}: no gradient rule\n  hint: defvjp({f_raw.__name__}, ...)")
        found: list[Any] = [None] * (len(args) + 1)
        pull = wrapped.vjps(argnums, out if ctx.several else out[0], args, ctx.options)  # type: ignore[attr-defined]
        for n, gradient in zip(argnums, pull(g if ctx.several else g[0]), strict=True):
            found[n + 1] = gradient if gradient is None or isinstance(gradient, Tensor) else np.asarray(gradient)
        return tuple(found)

    methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    call: Any = type(f_raw.__name__, (autograd.Function,), methods)

    @functools.wraps(f_raw)
    def wrapped(*args: Any, **options: Any) -> Any:
        if any(isinstance(a, Tensor) for a in args):
            return call.apply(map_leaves(_plain, options), *args)
        return f_raw(*args, **options)

    wrapped.vjps = None  # type: ignore[attr-defined]
    return wrapped


def defvjp(fun: Any, *vjpmakers: Maker | None, argnums: Sequence[int] | None = None) -> None:
    """Declare the rules: ``maker(ans, *args, **kwargs)`` returns the function from g to the gradient; None means zero.

    A gradient has the shape of its argument: see `unbroadcast_f`. `argnums` are the arguments of the rules, else the first.

    >>> from minigrad.interop.hips import grad
    >>> from minigrad.interop.hips.extend import defvjp, primitive
    >>> power = primitive(lambda x, n: x**n)
    >>> defvjp(power, lambda ans, x, n: lambda g: g * n * x ** (n - 1))
    >>> grad(power)(3.0, 2)
    np.float64(6.0)
    """
    makers = dict(zip(range(len(vjpmakers)) if argnums is None else argnums, vjpmakers, strict=False))

    def vjps(needed: Sequence[int], ans: Any, args: Any, kwargs: Any) -> Any:
        for n in needed:
            if n not in makers:
                raise GraphError(f"{fun.__name__}: no gradient rule for argument {n}\n  hint: defvjp(..., argnums=...)")
        made = [makers[n] and makers[n](ans, *args, **kwargs) for n in needed]  # type: ignore[misc]
        return lambda g: [pull and pull(g) for pull in made]

    fun.vjps = vjps


def defvjp_argnum(fun: Any, vjpmaker: Callable[..., Any]) -> None:
    """Declare one maker for all arguments, ``maker(argnum, ans, args, kwargs)``.

    >>> from minigrad.interop.hips import grad
    >>> from minigrad.interop.hips.extend import defvjp_argnum, primitive
    >>> product = primitive(lambda x, y: x * y)
    >>> defvjp_argnum(product, lambda argnum, ans, args, kwargs: lambda g: g * args[1 - argnum])
    >>> grad(product, (0, 1))(3.0, 2.0)
    (np.float64(2.0), np.float64(3.0))
    """

    def vjps(needed: Sequence[int], *call: Any) -> Any:
        made = [vjpmaker(n, *call) for n in needed]
        return lambda g: [pull(g) for pull in made]

    fun.vjps = vjps


def defvjp_argnums(fun: Any, vjpmaker: Callable[..., Any]) -> None:
    """Declare one maker of all gradients together, ``maker(argnums, ans, args, kwargs)``.

    >>> from minigrad.interop.hips import grad
    >>> from minigrad.interop.hips.extend import defvjp_argnums, primitive
    >>> total = primitive(lambda *xs: sum(xs))
    >>> defvjp_argnums(total, lambda argnums, ans, args, kwargs: lambda g: [g for _ in argnums])
    >>> grad(total, (0, 2))(3.0, 2.0, 1.0)
    (np.float64(1.0), np.float64(1.0))
    """
    fun.vjps = vjpmaker


def defjvp(fun: Any, *jvps: Any, argnums: Sequence[int] | None = None) -> None:
    """Do nothing: derivatives in forward mode are computed by the rules of `defvjp`.

    >>> from minigrad.interop.hips import make_jvp
    >>> from minigrad.interop.hips.extend import defjvp, defvjp, primitive
    >>> square = primitive(lambda x: x * x)
    >>> defvjp(square, lambda ans, x: lambda g: 2 * g * x)
    >>> defjvp(square, lambda g, ans, x: 2 * g * x)
    >>> make_jvp(square)(3.0)(1.0)
    (np.float64(9.0), np.float64(6.0))
    """


def notrace_primitive(f_raw: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of arrays that takes tensors, and whose result is a constant.

    >>> import minigrad as mg
    >>> import numpy as np
    >>> from minigrad.interop.hips.extend import notrace_primitive
    >>> notrace_primitive(np.histogram)(mg.tensor([0.0, 1.0, 1.0], requires_grad=True), bins=2)[0]
    array([1, 2])
    """
    return functools.wraps(f_raw)(lambda *args, **options: f_raw(*map(_plain, args), **map_leaves(_plain, options)))


def unbroadcast_f(target: Any, g_fun: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the rule `g_fun` with its gradient summed to the shape of `target`, which was broadcast.

    >>> import numpy as np
    >>> from minigrad.interop.hips.extend import unbroadcast_f
    >>> unbroadcast_f(np.zeros((2, 1)), lambda g: g * 2)(np.ones((5, 2, 3)))
    array([[30.],
           [30.]])
    """

    def rule(g: Any) -> Any:
        found, shape = g_fun(g), np.shape(target)
        found = np.sum(found, axis=tuple(range(extra))) if (extra := np.ndim(found) - len(shape)) else found
        axes = tuple(n for n, size in enumerate(shape) if size == 1 and np.shape(found)[n] != 1)
        return np.sum(found, axis=axes, keepdims=True) if axes else found

    return rule


def _plain(x: Any) -> Any:
    return x.detach().numpy()[()] if isinstance(x, Tensor) else x  # not to be written to
