"""At a kink: every entry of the gradient between the one-sided slopes, and the one that the convention names."""

from __future__ import annotations

import numpy as np

from minigrad.arrays import Array
from minigrad.testing.calls import Call
from minigrad.testing.differences import slopes

__all__ = ["TIE_RULES", "check_tie"]


def check_tie(call: Call, rule: str | None) -> None:
    """Compare every entry of the Jacobian with the slopes from both sides; raises AssertionError where it does not fit.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> check_tie(Call(mg.amax, [np.array([2.0, 5.0, 5.0])]), "even")
    """
    gradients, left, right = (np.concatenate(parts, 1) for parts in zip(*(_block(call, i) for i in call.wrt), strict=True))
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
                f"the rule {rule!r} says {wanted.round(6).tolist()}"
            )


def _even(low: Array, high: Array) -> Array:
    return low + (high - low) / len(low)


def _first(low: Array, high: Array) -> Array:
    return np.concatenate([high[:1], low[1:]])


def _zero(low: Array, high: Array) -> Array:
    return np.zeros_like(low)


def _one(low: Array, high: Array) -> Array:
    return np.where(np.abs(high) > np.abs(low), high, low)


# The gradients of the entries of a row that are tied, between the smaller and the larger slope of each.
TIE_RULES = {"zero": _zero, "even": _even, "first": _first, "one": _one}


def _block(call: Call, i: int) -> tuple[Array, Array, Array]:
    """All gradients with respect to input i, and the slopes from the left and the right: (outputs, inputs)."""
    tensors = call.tensors()
    outputs = call.outputs(tensors)
    rows = []
    for n, y in enumerate(outputs):
        for k in range(y.numel()):
            one = [np.zeros(part.shape, part.dtype) for part in outputs]
            one[n].reshape(-1)[k] = 1
            (row,) = call.only(i).dense(call.only(i).gradients(outputs, tensors, one, retain_graph=True))
            rows.append(row.ravel())
    arrays = [np.asarray(a, np.float64) for a in call.arrays]
    here, x = call.value(arrays), arrays[i]

    def toward(j: int, t: float) -> Array:
        unit = np.zeros(x.size)
        unit[j] = t
        return call.value([x + unit.reshape(x.shape) if n == i else a for n, a in enumerate(arrays)])

    found = [slopes(lambda t, j=j: toward(j, t), here, 1e-3) for j in range(x.size)]  # type: ignore[misc]
    shape = len(here), x.size
    left, right = (np.array([getattr(s, side) for s in found]).reshape(shape[::-1]).T for side in ("left", "right"))
    return np.array(rows).reshape(shape), left, right
