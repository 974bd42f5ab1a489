"""One spec for each operation: how to draw a call of it, and what NumPy says it gives. The tests follow from these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.testing import OpSpec, Sample
from tests.finite_differences import signed

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


def spread(rng: np.random.Generator, size: tuple[int, ...], gap: float = 0.1) -> np.ndarray:
    """Distinct values at least `gap` apart, in random order: maxima far from ties."""
    count = int(np.prod(size))
    values = (rng.permutation(count) - count / 2) * gap + rng.uniform(0, gap / 4, count)
    return values.reshape(size)


def unary(name: str, reference: Callable, sample: Callable = normal, f: Callable | None = None, **options: Any) -> None:
    function = f or getattr(mg, name)

    @spec(name, **options)
    def draw(rng: np.random.Generator) -> Case:
        x = sample(rng, shape(rng))
        return function, [x], reference(x)


def binary(name: str, reference: Callable, sample: Callable, f: Callable | None = None, **options: Any) -> None:
    function = f or getattr(mg, name)

    @spec(name, **options)
    def draw(rng: np.random.Generator) -> Case:
        x, y = sample(rng, *broadcastable(rng))
        return function, [x, y], reference(x, y)


def both(draw: Callable) -> Callable:
    return lambda rng, a, b: (draw(rng, a), draw(rng, b))


def positive(rng: np.random.Generator, size: tuple[int, ...]) -> np.ndarray:
    return np.asarray(rng.uniform(0.5, 3.0, size))


def apart(rng: np.random.Generator, a: tuple[int, ...], b: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Values that differ from each other by at least 0.2 wherever they meet: integers against integers and a half."""
    return np.asarray(rng.integers(-3, 4, a) + 0.0), np.asarray(rng.integers(-3, 4, b) + rng.uniform(0.3, 0.7, b))


unary("exp", np.exp)
unary("expm1", np.expm1)
unary("log", np.log, positive)
unary("log1p", np.log1p, positive)
unary("sqrt", np.sqrt, positive)
unary("sin", np.sin)
unary("cos", np.cos)
unary("tanh", np.tanh)
unary("square", np.square)
unary("negative", np.negative, linear=True)
unary("positive", np.positive, linear=True)
unary("sigmoid", lambda x: 1 / (1 + np.exp(-x)))
unary("relu", lambda x: x * (x > 0), signed)
unary("absolute", np.abs, signed)
unary("astype", lambda x: x, f=lambda x: mg.astype(x, np.float64), linear=True)
unary("sign", np.sign, signed)
unary("floor", np.floor, lambda rng, s: apart(rng, s, s)[1])
unary("ceil", np.ceil, lambda rng, s: apart(rng, s, s)[1])
unary("round_", np.rint, lambda rng, s: apart(rng, s, s)[0] + 0.1)

binary("add", np.add, both(normal), linear=True)
binary("subtract", np.subtract, both(normal), linear=True)
binary("multiply", np.multiply, both(normal))
binary("divide", np.divide, lambda rng, a, b: (normal(rng, a), signed(rng, b)))
binary("power", np.power, both(positive))
binary("maximum", np.maximum, apart)
binary("minimum", np.minimum, apart)
binary("remainder", np.remainder, lambda rng, a, b: (rng.integers(-3, 4, a) + 0.4, np.asarray(rng.choice([-1.0, 1.0], b))))
binary("floor_divide", np.floor_divide, lambda rng, a, b: (rng.integers(-3, 4, a) + 0.4, np.ones(b)))


@spec("power with a number", covers=("power",))
def _(rng: np.random.Generator) -> Case:
    n = rng.choice([0, 1, 2, 3, -1, -2, 0.5, 1.5]).item()
    n = int(n) if n == int(n) and rng.random() < 0.5 else n
    x = positive(rng, shape(rng))
    return lambda t: t**n, [x], x**n


@spec("number to a power", covers=("power",))
def _(rng: np.random.Generator) -> Case:
    x = normal(rng, shape(rng))
    return lambda t: 2**t, [x], 2**x


@spec("operators with numbers and arrays", covers=("add", "subtract", "multiply", "divide"))
def _(rng: np.random.Generator) -> Case:
    a, b = broadcastable(rng)
    x, c = signed(rng, a), signed(rng, b)
    i = rng.integers(0, 10)
    f = [
        lambda t: t + 2, lambda t: 2 + t, lambda t: c - t, lambda t: t - c, lambda t: c * t, lambda t: t * 3.5,
        lambda t: t / c, lambda t: c / t, lambda t: 1 / t, lambda t: -t + np.float64(3),
    ][i]  # fmt: skip
    return f, [x], f(x)


@spec("where", linear=True)
def _(rng: np.random.Generator) -> Case:
    a, b = broadcastable(rng)
    x, y = normal(rng, a), normal(rng, b)
    c = rng.random(np.broadcast_shapes(a, b)) < 0.5
    return lambda x, y: mg.where(c, x, y), [x, y], np.where(c, x, y)


@spec("clip")
def _(rng: np.random.Generator) -> Case:
    x = np.asarray(rng.integers(-3, 4, shape(rng)) + rng.uniform(0.3, 0.7))
    low, high = [(-1.0, 2.0), (None, 1.0), (-2.0, None)][rng.integers(0, 3)]
    return lambda t: t.clip(low, high), [x], np.clip(x, low, high)


@spec("clip by arrays", covers=("clip",))
def _(rng: np.random.Generator) -> Case:
    size = shape(rng, 1)
    x = np.asarray(rng.integers(-3, 4, size) + 0.5)
    low, high = np.asarray(rng.integers(-3, 0, size) + 0.2), np.asarray(rng.integers(1, 4, size) - 0.2)
    return mg.clip, [x, low, high], np.clip(x, low, high)


def axes(rng: np.random.Generator, ndim: int) -> Any:
    if ndim == 0 or rng.random() < 0.3:
        return None
    some = rng.permutation(ndim)[: rng.integers(1, ndim + 1)]
    some = [int(a) - (ndim if rng.random() < 0.3 else 0) for a in some]
    return some[0] if len(some) == 1 else tuple(some)


def reduction(name: str, reference: Callable, sample: Callable = normal, f: Callable | None = None, **options: Any) -> None:
    function = f or getattr(mg, name)

    @spec(name, **options)
    def draw(rng: np.random.Generator) -> Case:
        x = sample(rng, tuple(max(n, 2) for n in shape(rng)))
        axis, keep = axes(rng, x.ndim), bool(rng.random() < 0.5)
        return lambda t: function(t, axis, keep), [x], reference(x, axis=axis, keepdims=keep)


reduction("sum", np.sum, linear=True)
reduction("mean", np.mean, linear=True)
reduction("amax", np.max, spread)
reduction("amin", np.min, spread)


@spec("var")
def _(rng: np.random.Generator) -> Case:
    x = normal(rng, tuple(int(n) for n in rng.integers(2, 5, rng.integers(1, 4))))
    axis, ddof = axes(rng, x.ndim), int(rng.integers(0, 2))
    return lambda t: t.var(axis, correction=ddof), [x], np.var(x, axis, ddof=ddof)


@spec("max and min along an axis", covers=("max", "min"))
def _(rng: np.random.Generator) -> Case:
    x = spread(rng, tuple(int(n) for n in rng.integers(1, 5, rng.integers(1, 4))))
    axis, keep = int(rng.integers(-x.ndim, x.ndim)), bool(rng.random() < 0.5)
    if rng.random() < 0.5:
        return lambda t: t.max(axis, keep).values, [x], x.max(axis, keepdims=keep)
    return lambda t: t.min(dim=axis, keepdim=keep)[0], [x], x.min(axis, keepdims=keep)


@spec("softmax and log_softmax", covers=("softmax", "log_softmax"))
def _(rng: np.random.Generator) -> Case:
    x = normal(rng, tuple(int(n) for n in rng.integers(1, 5, rng.integers(1, 4))))
    axis = int(rng.integers(-x.ndim, x.ndim))
    e = np.exp(x) / np.exp(x).sum(axis, keepdims=True)
    if rng.random() < 0.5:
        return lambda t: mg.softmax(t, axis), [x], e
    return lambda t: t.log_softmax(axis), [x], np.log(e)


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


@spec("cross_entropy", covers=("cross_entropy", "nll_loss"))
def _(rng: np.random.Generator) -> Case:
    N, C = int(rng.integers(1, 5)), int(rng.integers(1, 6))
    x, t = normal(rng, (N, C)), rng.integers(0, C, N)
    logp = x - np.log(np.exp(x).sum(1, keepdims=True))
    each = -logp[np.arange(N), t]
    reduction = str(rng.choice(["mean", "sum", "none"]))
    expected = {"mean": each.mean(), "sum": each.sum(), "none": each}[reduction]
    if rng.random() < 0.3:
        return lambda x: F.nll_loss(F.log_softmax(x, 1), t, reduction=reduction), [x], expected
    return lambda x: 3 * F.cross_entropy(x, mg.tensor(t), reduction=reduction), [x], 3 * expected


@spec("cross_entropy with options", covers=("cross_entropy",))
def _(rng: np.random.Generator) -> Case:
    N, C, L = int(rng.integers(2, 5)), 4, int(rng.integers(1, 4))
    x, t = normal(rng, (N, C, L)), rng.integers(0, C, (N, L))
    w, e = rng.uniform(0.5, 2, C), float(rng.choice([0.0, 0.2]))
    t[0, 0] = -100
    t[-1, -1] = 1
    logp = x - np.log(np.exp(x).sum(1, keepdims=True))
    loss, total = 0.0, 0.0
    for n in range(N):
        for i in range(L):
            if t[n, i] >= 0:
                loss += -(1 - e) * w[t[n, i]] * logp[n, t[n, i], i] - e / C * (w * logp[n, :, i]).sum()
                total += w[t[n, i]]
    return lambda x: F.cross_entropy(x, t, mg.tensor(w), label_smoothing=e), [x], loss / total


@spec("cross_entropy with probabilities", covers=("cross_entropy",))
def _(rng: np.random.Generator) -> Case:
    N, C = int(rng.integers(1, 5)), int(rng.integers(1, 6))
    x, t = normal(rng, (N, C)), rng.dirichlet(np.ones(C), N)
    logp = x - np.log(np.exp(x).sum(1, keepdims=True))
    return lambda x: 3 * F.cross_entropy(x, t), [x], -3 * (t * logp).sum() / N


@spec("mse_loss")
def _(rng: np.random.Generator) -> Case:
    size = nonzero_shape(rng)
    x, t = normal(rng, size), normal(rng, size)
    reduction = str(rng.choice(["mean", "sum", "none"]))
    each = (x - t) ** 2
    expected = {"mean": each.mean(), "sum": each.sum(), "none": each}[reduction]
    return lambda x, t: F.mse_loss(x, t, reduction), [x, t], expected


@spec("pad as PyTorch", linear=True, covers=("pad",))
def _(rng: np.random.Generator) -> Case:
    x = normal(rng, (2, 3, 4))
    a, b, c, d = (int(v) for v in rng.integers(0, 3, 4))
    return lambda t: F.pad(t, (a, b, c, d)), [x], np.pad(x, [(0, 0), (c, d), (a, b)])
