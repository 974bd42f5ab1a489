"""SciPy's `odeint` with gradients: ``from minigrad.scipy.integrate import odeint``, as HIPS autograd's `scipy.integrate`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.interop.hips.extend import defvjp_argnums, primitive
from minigrad.interop.hips.misc.flatten import flatten
from minigrad.interop.hips.operators import make_vjp
from minigrad.interop.hips.special import double

__all__ = ["odeint"]


def odeint(func: Callable[..., Any], y0: Any, t: Any, args: tuple[Any, ...] = (), **options: Any) -> Any:
    """Return the solution (T, D) of dy/dt = func(y, t, *args) at the times `t`, with gradients in `y0`, `t` and `args`.

    `args` are numbers, arrays, and nested lists, tuples and dicts of them. SciPy computes the values, with its `options` but
    for `full_output`, and the gradients, by the adjoint equation (Froehlich et al., 2017), with the tolerances of the
    options: they are as exact as the solution is. What `func` takes from outside is constant.

    >>> import numpy as np
    >>> from minigrad.interop.hips import grad
    >>> decay = lambda rate: odeint(lambda y, t, rate: -rate * y, 1.0, [0.0, 1.0], (rate,))[1, 0]
    >>> decay(2.0).round(6), grad(decay)(2.0).round(6)  # exp(-2) and -exp(-2)
    (np.float64(0.135335), np.float64(-0.135335))
    """
    if options.get("full_output"):
        raise ValueError(
            "odeint: full_output=True is not supported\n  hint: scipy.integrate.odeint has it, without gradients"
        )
    flat, back = flatten(tuple(args))
    first = options.pop("tfirst", False)

    def slope(y: Any, t: Any, flat: Any) -> Any:
        return func(*((t, y) if first else (y, t)), *back(flat))

    return _odeint(slope, np.reshape(double(y0, "odeint"), (-1,)), double(t, "odeint"), flat, **options)


@primitive
def _odeint(slope: Callable[..., Any], y0: Any, t: Any, flat: Any, **options: Any) -> Any:
    try:
        import scipy.integrate
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError("odeint needs SciPy for its values\n  hint: pip install scipy", name=error.name) from None
    return scipy.integrate.odeint(slope, y0, t, (flat,), **options)


def _gradients(argnums: Sequence[int], ans: Any, args: Any, options: Any) -> Callable[[Any], list[Any]]:
    slope, _, t, flat = args
    D = ans.shape[1]
    tolerances = {name: options[name] for name in ("rtol", "atol", "mxstep", "hmax", "hmin") if name in options}

    def backward(state: Any, t: Any, flat: Any) -> Any:
        """The solution beside the gradients in it, in the time and in the parameters, which is solved from end to start."""
        pull, dy = make_vjp(slope, (0, 1, 2))(state[:D], t, flat)
        return _joined(dy, *pull(-state[D : 2 * D]))

    def pull(g: Any) -> list[Any]:
        of_y, of_start, of_flat, of_times = g[-1], np.zeros(()), np.zeros(np.shape(flat)), []
        for i in range(len(t) - 1, 0, -1):
            moved = np.dot(_joined(slope(ans[i], t[i], flat)), g[i])
            of_times.append(moved)
            state = _joined(ans[i], of_y, of_start - moved, of_flat)
            end = _odeint(backward, state, _joined(t[i], t[i - 1]), flat, **tolerances)[1]
            of_y, of_start, of_flat = end[D : 2 * D] + g[i - 1], end[2 * D], end[2 * D + 1 :]
        found = None, of_y, _joined(of_start, *of_times[::-1]), of_flat
        return [found[n] for n in argnums]

    return pull


def _joined(*parts: Any) -> Any:
    return np.concatenate([np.reshape(part, (-1,)) for part in parts])


defvjp_argnums(_odeint, _gradients)
