"""Side checks: properties of a gradient beside its value, each at the cost of a few more backward passes.

A check takes a `Subject` and returns a complaint, or None. Where rounding may differ, a few thousand roundings are allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from minigrad.arrays import Array, array_of
from minigrad.engine.grad_mode import no_grad
from minigrad.errors import GraphError
from minigrad.tensors.tensor import Tensor, tensor
from minigrad.testing.calls import Call, concatenated, gradients
from minigrad.testing.input_check import index_text

__all__ = ["SIDE_CHECKS", "Subject"]


@dataclass(frozen=True)
class Subject:
    """A call with two sets of incoming gradients, and the resulting gradients."""

    call: Call
    gs: list[Array]  # incoming: one for each output
    gradients: list[Array]  # one for each input of call.wrt
    others: list[Array]  # a second set of incoming gradients
    other_gradients: list[Array]

    def differs(self, found: Sequence[Array], wanted: Sequence[Array], roundings: int = 4096) -> str | None:
        """Return where two lists of gradients disagree, or None."""
        scales = zip(self.gradients, self.other_gradients, strict=True)
        # A gradient that should be zero is as small as the rounding of terms that cancelled: about that of g and the inputs.
        least = 0.01 * max((float(np.abs(g).max()) for g in (*self.gs, *self.others) if g.size), default=0.0)
        for i, a, b, scale in zip(self.call.wrt, found, wanted, scales, strict=True):
            if a.shape != b.shape:
                return f"the gradient of {self.call.labels[i]} has shape {a.shape}, not {b.shape}"
            if not a.size:
                continue
            largest = max(least, *(float(np.abs(part).max()) for part in (b, *scale)))
            error = np.abs(a - b)
            if not np.all(error <= roundings * np.finfo(self.call.dtype).eps * largest):
                j = int(np.argmax(np.where(np.isnan(error), np.inf, error)))
                at = f"{self.call.labels[i]} at {index_text(a.shape, j)}"
                return f"the gradient of {at} is {a.flat[j]:.10g}, not {b.flat[j]:.10g}"
        return None

    def sums(self) -> list[Array]:
        """Return the sums of the two sets of gradients."""
        return [a + b for a, b in zip(self.gradients, self.other_gradients, strict=True)]

    def part(self, chosen: Sequence[int]) -> Subject:
        """Return the same subject differentiated in some of the inputs alone, chosen by their positions in `call.wrt`."""
        gradients, others = ([values[k] for k in chosen] for values in (self.gradients, self.other_gradients))
        return Subject(self.call.only(*(self.call.wrt[k] for k in chosen)), self.gs, gradients, self.others, others)


def form(subject: Subject) -> str | None:
    """A gradient has the shape and dtype of its tensor; ``.grad`` is writable, and shares memory with nothing."""
    call, tensors = subject.call, subject.call.tensors()
    for i, g in zip(call.wrt, call.gradients(call.outputs(tensors), tensors, subject.gs), strict=True):
        if g is not None and (wrong := _wrong_type(call.labels[i], g, tensors[i])):
            return wrong
    for k, g in enumerate(subject.gs):
        for given in (g, tensor(g)):
            if wrong := _wrong_grad(call, k, given):
                return wrong
    return None


def _wrong_type(label: str, grad: Tensor, x: Tensor) -> str | None:
    if (grad.shape, grad.dtype) == (x.shape, x.dtype):
        return None
    return f"the gradient of {label} is {grad.shape} {grad.dtype}, the input {x.shape} {x.dtype}"


def _wrong_grad(call: Call, k: int, g: Array | Tensor) -> str | None:
    """Return what is wrong with the form of ``.grad`` after a backward of `g` from output k."""
    tensors = call.tensors()
    outputs = call.outputs(tensors)
    if not outputs[k].requires_grad:
        return None
    outputs[k].backward(g)
    others = {label: t.array for label, t in zip(call.labels, tensors, strict=True)} | {"the incoming gradient": array_of(g)}
    others |= {f"output {n}": y.array for n, y in enumerate(outputs)}
    for i in call.wrt:
        grad, name = tensors[i].grad, f"the gradient of {call.labels[i]}"
        if grad is None:
            continue
        if wrong := _wrong_type(call.labels[i], grad, tensors[i]) or _wrong_memory(name, grad.array, others):
            return wrong
        others[name] = grad.array
    return None


def _wrong_memory(name: str, grad: Array, others: Mapping[str, Array]) -> str | None:
    if type(grad) is not np.ndarray:
        return f"{name} is a {type(grad).__name__}, not an array"
    if not grad.flags.writeable:
        return f"{name} is read-only"
    for other, array in others.items():
        if np.may_share_memory(grad, array):
            return f"{name} shares memory with {other}"
    return f"{name} is a view" if grad.base is not None else None


def repeat(subject: Subject) -> str | None:
    """A second forward and backward give the same gradients to the bit, and so does a second backward of one graph."""
    call = subject.call
    tensors = call.tensors()
    outputs = call.outputs(tensors)
    # Copies: a rule might return the same buffer twice.
    first = [g.copy() for g in call.dense(call.gradients(outputs, tensors, subject.gs, retain_graph=True))]
    second = call.dense(call.gradients(outputs, tensors, subject.gs))
    return subject.differs(first, subject.gradients, 0) or subject.differs(second, first, 0)


def linear(subject: Subject) -> str | None:
    """A gradient is linear in the incoming gradient: vjp(2a - 3b) = 2 vjp(a) - 3 vjp(b)."""
    mixed = [2 * a - 3 * b for a, b in zip(subject.gs, subject.others, strict=True)]
    wanted = [2 * a - 3 * b for a, b in zip(subject.gradients, subject.other_gradients, strict=True)]
    return subject.differs(subject.call.vjp(mixed), wanted)


def unchanged(subject: Subject) -> str | None:
    """Forward and backward leave inputs, outputs and incoming gradients as they were, also one shared with another node."""
    call = subject.call
    tensors, gs = call.tensors(), [tensor(g) for g in subject.gs]
    beside = [tensor(np.zeros_like(g), requires_grad=True) for g in subject.gs]  # older than the outputs: visited later
    before = [np.array(x) for x in call.arrays]
    outputs = call.outputs(tensors)
    values = [np.array(array_of(y)) for y in outputs]
    for y, g, z in zip(outputs, gs, beside, strict=True):
        (y + z).backward(g, retain_graph=True)
    for label, t, x in zip(call.labels, tensors, before, strict=True):
        if not np.array_equal(array_of(t), x, equal_nan=True):
            return f"{label} was written to"
    for k, (y, value) in enumerate(zip(outputs, values, strict=True)):
        if not np.array_equal(array_of(y), value, equal_nan=True):
            return f"output {k} was written to"
    for k, (g, z, given) in enumerate(zip(gs, beside, subject.gs, strict=True)):
        if not np.array_equal(array_of(g), given) or z.grad is None or not np.array_equal(array_of(z.grad), given):
            return f"the incoming gradient of output {k} was written to"
    return None


def accumulate(subject: Subject) -> str | None:
    """Two backward passes add up in ``.grad``."""
    call = subject.call
    tensors = call.tensors()
    outputs = call.outputs(tensors)
    for gs in (subject.gs, subject.others):
        for y, g in zip(outputs, gs, strict=True):
            if y.requires_grad:
                y.backward(g, retain_graph=True)
    return subject.differs(call.dense([tensors[i].grad for i in call.wrt]), subject.sums())


def reuse(subject: Subject) -> str | None:
    """Gradients add up for an output used twice, the function used twice in one graph, and one tensor as two inputs."""
    call = subject.call
    one, two = call.tensors(), call.tensors()
    first, second = call.outputs(one), call.outputs(two)
    leaves = [ts[i] for ts in (one, two) for i in call.wrt]
    found = gradients([*first, *second], leaves, [*subject.gs, *subject.others], retain_graph=True)
    for grads, wanted in ((found[: len(call.wrt)], subject.gradients), (found[len(call.wrt) :], subject.other_gradients)):
        if wrong := subject.differs(call.dense(grads), wanted):
            return f"with the function used twice in one graph, {wrong}"
    consumers = [y * 1.0 for _ in range(2) for y in first]
    found = call.gradients(consumers, one, [*subject.gs, *subject.others])
    if wrong := subject.differs(call.dense(found), subject.sums()):
        return f"with each output used twice, {wrong}"
    for i, j in combinations(call.wrt, 2):
        if wrong := _shared(subject, i, j):
            return f"with one tensor as {call.labels[i]} and as {call.labels[j]}, {wrong}"
    return None


def layouts(subject: Subject) -> str | None:
    """The memory layout of the inputs makes no difference."""
    call = subject.call
    if not all(call.arrays[i].size for i in call.wrt):
        return None
    repeated = list(call.arrays)
    for i in call.wrt:
        if repeated[i].ndim:
            repeated[i] = np.array(np.broadcast_to(repeated[i][:1], repeated[i].shape))
    for name, lay in LAYOUTS.items():
        arrays, wanted = call.arrays, subject.gradients
        if name == "broadcast":
            arrays = repeated
            try:
                wanted = call.vjp(subject.gs, arrays)
            except (ValueError, GraphError):
                continue  # the function does not take these values, or has no gradient at them
        tensors = [lay(a).requires_grad_() if i in call.wrt else tensor(a) for i, a in enumerate(arrays)]
        found = call.dense(call.gradients(call.outputs(tensors), tensors, subject.gs))
        if np.isfinite(concatenated(wanted)).all() and (wrong := subject.differs(found, wanted)):
            return f"with inputs laid out as {name}, {wrong}"
    return None


def subsets(subject: Subject) -> str | None:
    """The gradient of an input does not depend on which other inputs require one."""
    wrt = subject.call.wrt
    sizes = range(1, len(wrt)) if len(wrt) <= 4 else (1, len(wrt) - 1)
    for chosen in (c for n in sizes for c in combinations(range(len(wrt)), n)):
        part = subject.part(chosen)
        if wrong := part.differs(part.call.vjp(subject.gs), part.gradients):
            return f"with gradients required in inputs {part.call.wrt} alone, {wrong}"
    return None


def no_graph(subject: Subject) -> str | None:
    """Nothing is recorded under `no_grad`, nor for inputs that require no gradient."""
    with no_grad():
        if any(y.grad_fn is not None for y in subject.call.outputs(subject.call.tensors())):
            return "an output has a graph under no_grad()"
    if any(y.grad_fn is not None for y in subject.call.outputs([t.detach() for t in subject.call.tensors()])):
        return "an output has a graph though no input requires a gradient"
    return None


SIDE_CHECKS: dict[str, Callable[[Subject], str | None]] = {
    check.__name__: check for check in (form, repeat, linear, unchanged, accumulate, reuse, layouts, subsets, no_graph)
}


def _stepped(x: Array) -> Tensor:
    """Every second element of an array that is NaN in between."""
    if not x.ndim:
        return tensor(np.full(2, x))[0].detach()
    base = np.full((*x.shape[:-1], 2 * x.shape[-1]), np.nan, x.dtype)
    base[..., ::2] = x
    return tensor(base)[..., ::2].detach()


def _offset(x: Array) -> Tensor:
    """The middle of an array that is NaN around it."""
    if not x.ndim:
        return tensor(np.full(3, x))[1].detach()
    base = np.full((len(x) + 3, *x.shape[1:]), np.nan, x.dtype)
    base[2:-1] = x
    return tensor(base)[2:-1].detach()


LAYOUTS: dict[str, Callable[[Array], Tensor]] = {
    "Fortran order": lambda x: tensor(np.array(x, order="F")),
    "negative strides": lambda x: tensor(np.flip(x).copy())[(slice(None, None, -1),) * x.ndim].detach(),
    "every second of an array": _stepped,
    "part of an array": _offset,
    "read-only": lambda x: tensor(x).broadcast_to(x.shape).detach(),
    "broadcast": lambda x: tensor(x[:1]).broadcast_to(x.shape).detach() if x.ndim else tensor(x),
}


def _shared(subject: Subject, i: int, j: int) -> str | None:
    """Check that a tensor that is both input i and input j gets the sum of their gradients at equal values."""
    call = subject.call.only(i, j)
    arrays = list(call.arrays)
    if arrays[i].shape != arrays[j].shape or arrays[i].dtype != arrays[j].dtype:
        return None
    arrays[j] = arrays[i]
    try:
        apart = call.vjp(subject.gs, arrays)
    except ValueError:
        return None  # the function does not take these values
    if not np.isfinite(concatenated(apart)).all():
        return None
    tensors = call.tensors(arrays)
    tensors[j] = tensors[i]
    call = call.only(i)
    found = call.dense(call.gradients(call.outputs(tensors), tensors, subject.gs))
    part = Subject(call, subject.gs, apart[:1], subject.others, apart[1:])
    return part.differs(found, part.sums())
