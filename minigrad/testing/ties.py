"""check_tie: check gradients at kinks against the one-sided slopes and the convention for ties."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minigrad.arrays import Array
from minigrad.testing.calls import Call
from minigrad.testing.finite_differences import slopes

__all__ = ["TIE_RULES", "check_tie"]


def check_tie(call: Call, rule: str | None) -> None:
    """Compare every entry of the Jacobian with the slopes from both sides, and ties with a rule of `TIE_RULES`.

    Raises AssertionError for an entry that is outside of the slopes or against the rule, and if there is no kink.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> check_tie(Call(mg.amax, [np.array([2.0, 5.0, 5.0])]), "even")
    """
    tensors = call.tensors()
    outputs = call.outputs(tensors)
    gradients = np.concatenate(call.jacobians(outputs, tensors, [np.ones(y.shape, y.dtype) for y in outputs]), 1)
    left, right = (np.concatenate(parts, 1) for parts in zip(*(_slopes(call, i) for i in call.wrt), strict=True))
    low, high = np.minimum(left, right), np.maximum(left, right)
    outside = (gradients < low - 1e-6) | (gradients > high + 1e-6)
    if outside.any():
        k, j = divmod(int(np.argmax(outside)), outside.shape[1])
        raise AssertionError(
            f"{call.name}: d output [{k}] / d input [{j}] is {gradients[k, j]:.6g}, "
            f"not within {low[k, j]:.6g} and {high[k, j]:.6g}, the slopes from both sides"
        )
    tied = high - low > 1e-3
    if not tied.any():
        raise AssertionError(f"{call.name}: there is no kink here")
    for row in np.flatnonzero(tied.any(axis=1)) if rule else ():
        found, wanted = gradients[row, tied[row]], TIE_RULES[str(rule)](low[row, tied[row]], high[row, tied[row]])
        if not np.allclose(found, wanted, atol=1e-6):
            raise AssertionError(
                f"{call.name}: output [{row}] at a tie: gradients {found.round(6).tolist()}, "
                f"the rule {rule!r} requires {wanted.round(6).tolist()}"
            )


# The gradients of the tied entries of a row, between the smaller and the larger slope of each.
TIE_RULES: dict[str, Callable[[Array, Array], Array]] = {
    "zero": lambda low, high: np.zeros_like(low),
    "even": lambda low, high: low + (high - low) / len(low),
    "first": lambda low, high: np.concatenate([high[:1], low[1:]]),
    "one": lambda low, high: np.where(np.abs(high) > np.abs(low), high, low),
}


def _slopes(call: Call, i: int) -> tuple[Array, Array]:
    """Return the slopes with respect to input i from the left and from the right: (outputs, inputs)."""
    arrays = [np.asarray(a, np.float64) for a in call.arrays]
    here, x = call.value(arrays), arrays[i]

    def toward(j: int, t: float) -> Array:
        unit = np.zeros(x.size)
        unit[j] = t
        return call.value([x + unit.reshape(x.shape) if n == i else a for n, a in enumerate(arrays)])

    found = [slopes(lambda t, j=j: toward(j, t), here, 1e-3) for j in range(x.size)]  # type: ignore[misc]
    left, right = (np.reshape([getattr(s, side) for s in found], (x.size, len(here))).T for side in ("left", "right"))
    return left, right
