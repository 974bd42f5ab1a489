"""One spec for each operation: how to draw a call of it, and what NumPy says it gives. The tests follow from these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.testing import OpSpec, Sample

Case = tuple[Callable[..., Any], list[np.ndarray], Any]  # f of tensors, its inputs, the expected result (or None)


@dataclass
class Spec:
    name: str
    draw: Callable[[np.random.Generator], Case]
    linear: bool = False  # in all inputs together
    order: int = 2
    covers: tuple[str, ...] = field(default=())  # public names of minigrad that this spec proves

    def proof(self) -> OpSpec:
        """The same as an OpSpec: the function and the expected result of each drawn call travel with its inputs."""

        def sample(rng: np.random.Generator) -> Sample:
            f, arrays, expected = self.draw(rng)
            return Sample(((f, lambda: expected), *(np.asarray(a) for a in arrays)))

        def fn(case: Any, *inputs: Any) -> Any:
            return case[0](*inputs)

        promotes = self.name in ("astype", "operators with numbers and arrays")
        linear_in = tuple(range(6)) if self.linear else ()
        return OpSpec(
            self.name, fn, lambda case, *_: case[1](), sample, self.covers, linear_in, order=self.order, promotes=promotes
        )


SPECS: list[Spec] = []


def spec(name: str, linear: bool = False, order: int = 2, covers: tuple[str, ...] = ()) -> Callable:
    def add(draw: Callable) -> Callable:
        SPECS.append(Spec(name, draw, linear, order, covers or (name,)))
        return draw

    return add


def shape(rng: np.random.Generator, least: int = 0, most: int = 4) -> tuple[int, ...]:
    """Mostly distinct sizes, sometimes 1, rarely 0."""
    sizes = [1, 2, 3, 4, 5] * 4 + [0]
    return tuple(int(rng.choice(sizes)) for _ in range(rng.integers(least, most)))


def broadcastable(rng: np.random.Generator) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two shapes that broadcast: axes stretched or missing on either side."""
    full = shape(rng)

    def part() -> tuple[int, ...]:
        kept = full[rng.integers(0, len(full) + 1) :] if rng.random() < 0.4 else full
        return tuple(1 if rng.random() < 0.3 else n for n in kept)

    return part(), part()


def normal(rng: np.random.Generator, size: tuple[int, ...]) -> np.ndarray:
    return np.asarray(rng.standard_normal(size))


def axes(rng: np.random.Generator, ndim: int) -> Any:
    if ndim == 0 or rng.random() < 0.3:
        return None
    some = rng.permutation(ndim)[: rng.integers(1, ndim + 1)]
    some = [int(a) - (ndim if rng.random() < 0.3 else 0) for a in some]
    return some[0] if len(some) == 1 else tuple(some)


def nonzero_shape(rng: np.random.Generator, least: int = 1, most: int = 4) -> tuple[int, ...]:
    return tuple(int(n) for n in rng.integers(1, 5, rng.integers(least, most)))


@spec("reshape", linear=True, covers=("reshape", "flatten", "squeeze", "unsqueeze"))
def _(rng: np.random.Generator) -> Case:
    x = normal(rng, nonzero_shape(rng))
    at = int(rng.integers(-x.ndim, x.ndim))
    f, y = [
        (lambda t: t.reshape(-1, x.shape[-1]), x.reshape(-1, x.shape[-1])),
        (lambda t: t.view((x.size,)), x.reshape(x.size)),
        (lambda t: t.flatten(), x.ravel()),
        (lambda t: t.unsqueeze(at), np.expand_dims(x, at)),
        (lambda t: t.unsqueeze(0).squeeze(0), x),
        (lambda t: t.squeeze(), x.squeeze()),
        (lambda t: mg.flatten(t.unsqueeze(0), 1), x.reshape(1, -1)),
    ][rng.integers(0, 7)]
    return f, [x], y


@spec("permute", linear=True, covers=("permute", "transpose"))
def _(rng: np.random.Generator) -> Case:
    x = normal(rng, nonzero_shape(rng, 2, 5))
    order = tuple(int(a) for a in rng.permutation(x.ndim))
    if rng.random() < 0.3:
        return lambda t: t.transpose(order[0], order[1]), [x], np.swapaxes(x, order[0], order[1])
    if rng.random() < 0.3:
        return lambda t: t.T, [x], x.T
    mixed = tuple(a - x.ndim if rng.random() < 0.5 else a for a in order)
    return lambda t: t.permute(*mixed), [x], x.transpose(mixed)


@spec("broadcast_to", linear=True, covers=("broadcast_to", "unbroadcast", "expand"))
def _(rng: np.random.Generator) -> Case:
    x = normal(rng, nonzero_shape(rng, 0))
    target = (*nonzero_shape(rng, 0, 3), *(int(rng.integers(1, 4)) if n == 1 else n for n in x.shape))
    f = [lambda t: t.broadcast_to(target), lambda t: t.expand(*target)][rng.integers(0, 2)]
    return f, [x], np.broadcast_to(x, target)


@spec("unbroadcast", linear=True)
def _(rng: np.random.Generator) -> Case:
    small = nonzero_shape(rng, 0)
    full = (*nonzero_shape(rng, 0, 3), *(int(rng.integers(1, 4)) if n == 1 else n for n in small))
    x = normal(rng, full)
    lead = len(full) - len(small)
    stretched = tuple(i for i in range(len(full)) if i < lead or small[i - lead] == 1)
    return lambda t: mg.unbroadcast(t, small), [x], x.sum(stretched, keepdims=True).reshape(small)


@spec("concatenate", linear=True, covers=("concatenate", "stack"))
def _(rng: np.random.Generator) -> Case:
    base = list(nonzero_shape(rng))
    axis = int(rng.integers(-len(base), len(base)))
    if rng.random() < 0.3:
        xs = [normal(rng, tuple(base)) for _ in range(3)]
        return lambda *ts: mg.stack(ts, axis), xs, np.stack(xs, axis)
    xs = []
    for n in rng.integers(0, 4, 3):  # unequal pieces
        base[axis] = int(n)
        xs.append(normal(rng, tuple(base)))
    return lambda *ts: mg.concatenate(ts, axis), xs, np.concatenate(xs, axis)


@spec("pad", covers=("pad", "crop"))
def _(rng: np.random.Generator) -> Case:
    x = normal(rng, nonzero_shape(rng))
    widths = [(int(a), int(b)) for a, b in rng.integers(0, 3, (x.ndim, 2))]
    fill = float(rng.choice([0.0, 1.5]))
    padded = np.pad(x, widths, constant_values=fill)
    if rng.random() < 0.5:
        return lambda t: mg.crop(mg.pad(t, widths), [(0, b) for _, b in widths]), [x], np.pad(x, [(a, 0) for a, _ in widths])
    return lambda t: mg.pad(t, widths, constant_values=fill), [x], padded


@spec("getitem", linear=True, covers=("getitem", "add_at", "take_along_axis"))
def _(rng: np.random.Generator) -> Case:
    x = normal(rng, (4, 5, 3))
    rows, columns = rng.integers(-4, 4, (2, 3)), rng.integers(0, 5, (2, 3))  # repeated, and counted from the end
    mask = rng.random((4, 5)) < 0.5
    index = [
        1, -1, slice(None, None, -2), (slice(1, 3), None, 2), (Ellipsis, 0), rows, (rows, columns), (rows, slice(None), 1),
        mask, (mask, 0), [0, 0, 3], (slice(None), np.array([1, 1])), (rows, columns, np.array(2)), np.newaxis,
        (slice(None), mg.tensor([2, 2, 0])),
    ][rng.integers(0, 15)]  # fmt: skip
    plain = tuple(p.numpy() if isinstance(p, mg.Tensor) else p for p in index) if isinstance(index, tuple) else index
    return lambda t: t[index], [x], x[plain]


@spec("add_at", linear=True)
def _(rng: np.random.Generator) -> Case:
    g, index = normal(rng, (5, 2)), rng.integers(0, 3, 5)
    expected = np.zeros((3, 2))
    for row, i in zip(g, index, strict=True):
        expected[i] += row
    return lambda t: mg.add_at(t, index, (3, 2)), [g], expected


@spec("take_along_axis", linear=True)
def _(rng: np.random.Generator) -> Case:
    x, axis = normal(rng, (3, 4)), int(rng.integers(-2, 2))
    order = np.argsort(x, axis)
    return lambda t: mg.take_along_axis(t, order, axis), [x], np.take_along_axis(x, order, axis)


@spec("matmul")
def _(rng: np.random.Generator) -> Case:
    m, k, n = (int(v) for v in rng.integers(1, 5, 3))
    lead_a, lead_b = broadcastable(rng)
    kind = rng.integers(0, 5)
    a = [(m, k), (k,), (k,), (m, k), (*lead_a, m, k)][kind]
    b = [(k, n), (k,), (k, n), (k,), (*lead_b, k, n)][kind]
    x, y = normal(rng, a), normal(rng, b)
    return lambda x, y: x @ y, [x, y], x @ y


@spec("linear")
def _(rng: np.random.Generator) -> Case:
    lead, i, o = nonzero_shape(rng), int(rng.integers(1, 5)), int(rng.integers(1, 5))
    x, w, b = normal(rng, (*lead, i)), normal(rng, (o, i)), normal(rng, (o,))
    if rng.random() < 0.3:
        return F.linear, [x, w], x @ w.T
    return F.linear, [x, w, b], x @ w.T + b


@spec("pad as PyTorch", linear=True, covers=("pad",))
def _(rng: np.random.Generator) -> Case:
    x = normal(rng, (2, 3, 4))
    a, b, c, d = (int(v) for v in rng.integers(0, 3, 4))
    return lambda t: F.pad(t, (a, b, c, d)), [x], np.pad(x, [(0, 0), (c, d), (a, b)])
