"""Diagnostics of common training problems: each function returns a sentence, or None if all is well."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.autograd import detect_anomaly
from minigrad.engine.scope import Scope, here, watch
from minigrad.errors import AnomalyError
from minigrad.kernels.errstate import errstate
from minigrad.nn import Module
from minigrad.nn.inference import evaluating
from minigrad.ops.activation import relu
from minigrad.training.history import Epoch

__all__ = ["dead_units", "first_not_finite", "guessing", "overfitting", "unscaled"]

LARGE = 20.0  # the largest magnitude of an input that counts as scaled
NEAR = 0.01  # the largest relative distance from ln(classes) of a loss that is stuck there
DEAD = 0.75  # the share of a layer's units that are dead before it is reported
# Overfitting: the training accuracy exceeds the held-out accuracy by APART, and the held-out loss its minimum, at least AGO
# epochs ago, by the factor WORSE.
APART, WORSE, AGO = 0.05, 1.3, 3


def unscaled(x: Array) -> str | None:
    """Report inputs in the range of bytes, or larger."""
    largest = float(np.abs(x, dtype=np.float64).max(initial=0)) if x.dtype.kind in "fiu" else 0.0
    if largest <= LARGE:
        return None
    hint = "divide by 255" if 128 < largest <= 255 else "subtract the mean and divide by the standard deviation"
    return f"the inputs go up to {largest:g}: {hint}, or the first steps will be too large"


def guessing(history: Sequence[Epoch], classes: int) -> str | None:
    """Report a loss that stays at ln(classes), where every class is as likely as any other."""
    chance = math.log(classes)
    if len(history) < 2 or any(abs(epoch.loss - chance) > NEAR * chance for epoch in history):
        return None
    return (
        f"after {len(history)} epochs the loss is still ln({classes}) = {chance:.3f}, that of guessing: "
        "try another learning rate, or larger initial weights"
    )


def overfitting(history: Sequence[Epoch]) -> str | None:
    """Report a held-out loss that has been rising for some epochs, with an accuracy far below that in training."""
    last, best = history[-1], min(history, key=lambda epoch: epoch.val_loss)
    apart = last.acc - last.val_acc
    if apart < APART or last.val_loss < WORSE * best.val_loss or last.epoch - best.epoch < AGO:
        return None
    return (
        f"overfitting: {last.acc:.1%} in training, {last.val_acc:.1%} on held-out images; since epoch {best.epoch} their "
        f"loss has risen from {best.val_loss:.3g} to {last.val_loss:.3g}: stop earlier, or use more data or weight decay"
    )


def dead_units(network: Module, x: Any) -> str | None:
    """Report ReLUs with units, or channels, that are zero for all images of a batch: they get no gradient, and stay zero."""
    found: list[str] = []

    def look(op: Any, args: Any, out: Array, node: Any) -> None:
        if op is not relu or out.ndim < 2 or len(out) < 2:
            return
        alive = np.asarray(out.any(tuple(axis for axis in range(out.ndim) if axis != 1)))
        dead = int(np.count_nonzero(~alive))
        if dead > DEAD * len(alive):
            found.append(f"{_path(network, here.scope)}: {dead} of {len(alive)} {'channels' if out.ndim > 2 else 'units'}")

    with evaluating(network), watch(look):
        network(x)
    if not found:
        return None
    return f"dead ReLUs, zero for all of {len(x)} images: {'; '.join(found)}: try a smaller learning rate"


def first_not_finite(network: Module, step: Callable[[], Any]) -> str | None:
    """Return which operation, forward or backward, first makes a NaN or an infinity while `step()` runs, in one line."""
    try:
        with detect_anomaly(), errstate(all="ignore"):
            step()
    except AnomalyError as error:
        what = str(error.args[0]).partition("\n")[0]
        return f"{what}, in {_path(network, error.node.scope)}" if error.node is not None else what
    return None


def _path(network: Module, scope: Scope | None) -> str:
    """Return the path of the innermost module of a scope."""
    while scope is not None:
        scope, what, _ = scope
        inner = what() if isinstance(what, weakref.ref) else None
        if isinstance(inner, Module):
            names = (name for name, module in network.named_modules() if module is inner)
            return next((name for name in names if name), type(network).__name__)
    return "the loss"
