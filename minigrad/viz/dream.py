"""Activation maximization: the input that excites a unit of a network most, found by gradient ascent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minigrad import autograd
from minigrad.arrays import Array
from minigrad.engine.grad_mode import enable_grad
from minigrad.errors import ShapeError
from minigrad.nn import Module
from minigrad.nn.inference import evaluating, layer_outputs
from minigrad.tensors.tensor import tensor
from minigrad.viz.images import class_name, drawable, dtype_of
from minigrad.viz.style import INK, MARGIN, SMALL, SOFT, TEXT, TILE, framed_image, head, new_figure, write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Excited", "dream", "excite", "excited_layers"]

MOST = 10  # units shown of a layer
ACROSS, DOWN, LEFT = 1.0, 1.45, 1.35  # inches: from one image to the next, and the room for names
RATE, DECAY, JITTER = 0.05, 0.05, 1 / 14  # of a pixel's span per step; of a pixel per step; of an image's side
BLUR_EVERY, BLUR_UNTIL, KERNEL = 4, 0.8, np.array([0.1065, 0.787, 0.1065])  # steps; a share of them; a Gaussian of 0.5


def dream(
    model: Module,
    layer: str | Sequence[str] | None = None,
    unit: int | Sequence[int] | None = None,
    *,
    shape: Sequence[int] | None = None,
    span: tuple[float, float] = (0.0, 1.0),
    steps: int = 100,
    classes: Sequence[str] | None = None,
    generator: np.random.Generator | None = None,
) -> Figure:
    """Show the inputs that excite units most, a row for each layer; see `excite` for the method.

    layer      one or several names of layers; by default every convolution and every linear layer
    unit       one or several channels or units; by default the ten with the largest weights
    shape      (C, H, W) of an image; by default the model's `input_dim`
    span       the range of a pixel
    steps      the number of gradient ascent steps
    classes    the names of the units of the last layer
    generator  draws the initial noise; by default the same each time

    Deeper layers respond to larger and more abstract patterns, first to an edge, then to strokes, in the end to a whole
    digit. A channel's image is cut to the pixels that one element of its map depends on. Raises ValueError for an unknown
    layer, IndexError for an unknown unit.

    >>> import minigrad as mg
    >>> figure = dream(mg.models.SimpleConvNet((1, 8, 8)), "fc2", [0, 7], steps=5)
    >>> len(figure.axes)
    2
    """
    rows = excited_layers(model, layer, unit, shape=shape, span=span, steps=steps, generator=generator)
    weights = _weights(model)
    across = max(len(units) for _, units, _ in rows)
    figure = new_figure(2 * MARGIN + LEFT + max(across, 3) * ACROSS, MARGIN + 0.75 + len(rows) * DOWN)
    y = (
        head(figure, f"what {type(model).__name__} looks for", "inputs that excite a unit most, and its output for them")
        + 0.05
    )
    for name, units, found in rows:
        top, bottom, left, right = found.field
        write(figure, MARGIN, y, name, TEXT, INK)
        write(figure, MARGIN, y + 0.2, f"sees {bottom - top}x{right - left}", SMALL, SOFT)
        last = name == rows[-1][0] and classes is not None and len(weights.get(name, ())) == len(classes)
        for i, (u, image) in enumerate(zip(units, drawable(found.images), strict=True)):
            x = MARGIN + LEFT + i * ACROSS
            framed_image(figure, x, y, (image[top:bottom, left:right] - span[0]) / (span[1] - span[0]), 0, 1)
            write(figure, x, y + TILE + 0.06, class_name(classes, u) if last else f"unit {u}", SMALL, INK)
            write(figure, x, y + TILE + 0.22, f"{found.after[i]:.3g}", SMALL, SOFT)
        y += DOWN
    return figure


def excited_layers(
    model: Module,
    layer: str | Sequence[str] | None = None,
    unit: int | Sequence[int] | None = None,
    *,
    shape: Sequence[int] | None = None,
    **options: Any,
) -> list[tuple[str, list[int], Excited]]:
    """Return name, units and what excites them, of the layers that `dream` shows; `options` are those of `excite`."""
    size, weights = _size(model, shape), _weights(model)
    names = list(weights) if layer is None else [layer] if isinstance(layer, str) else list(layer)
    rows = []
    for name in names:
        units = [unit] if isinstance(unit, int) else unit
        if units is None:
            units = _largest(weights[name]) if name in weights else range(MOST)
        rows.append((name, list(units), excite(model, name, units, size, **options)))
    return rows


def _weights(model: Module) -> dict[str, Array]:
    """Return the weights of convolutions and linear layers, by the name of the layer."""
    return {
        name: parameter.array
        for name, inner in model.named_modules()
        for key, parameter in inner.named_parameters(recurse=False)
        if key == "weight" and parameter.ndim >= 2
    }


class Excited(NamedTuple):
    """Images (n, C, H, W), the outputs (n,) of the units for the noise before and for the images, and the units' field."""

    images: Array
    before: Array
    after: Array
    field: tuple[int, int, int, int]  # top, bottom, left, right of all pixels that the units depend on


def excite(
    model: Module,
    layer: str,
    units: Sequence[int],
    shape: Sequence[int],
    *,
    span: tuple[float, float] = (0.0, 1.0),
    steps: int = 100,
    generator: np.random.Generator | None = None,
) -> Excited:
    """Return inputs of `shape` (C, H, W) that excite units of a layer: gradient ascent from noise, for all units at once.

    Of a layer with maps, a unit is the middle element of a channel. Ascent alone finds noise without recognizable patterns,
    so pixels decay toward the lower end of their span, and a blur, and for units without maps a jitter by a few pixels,
    leave only robust patterns: Yosinski et al. (2015), "Understanding neural networks through deep visualization".

    The model stays as it was; `generator` draws the noise, by default the same each time.
    """
    low, high = span
    rng = generator or np.random.default_rng(0)
    dtype = dtype_of(model)
    x = (low + (high - low) * rng.uniform(0.4, 0.6, (len(units), *shape))).astype(dtype)
    before, g, maps = _response(model, layer, units, x)
    field, jitter = _field(g), 0 if maps else int(JITTER * min(shape[1:]))
    for step in range(steps):
        dy, dx = rng.integers(-jitter, jitter + 1, 2).tolist()
        g = np.roll(_response(model, layer, units, np.roll(x, (dy, dx), (2, 3)))[1], (-dy, -dx), (2, 3))
        touched = np.count_nonzero(g, (1, 2, 3), keepdims=True)
        size = np.sqrt((g * g).sum((1, 2, 3), keepdims=True) / np.maximum(touched, 1))
        x = x + RATE * (high - low) * g / np.maximum(size, np.finfo(dtype).tiny) - DECAY * (x - low)
        if step % BLUR_EVERY == 0 and step < BLUR_UNTIL * steps:
            x = _blurred(x)
        x = x.clip(low, high).astype(dtype)
    return Excited(x, before, _response(model, layer, units, x)[0], field)


def _response(model: Module, layer: str, units: Sequence[int], x: Array) -> tuple[Array, Array, bool]:
    """Return the output of each unit for its image, the gradient of that, and whether the layer has maps."""
    image = tensor(x, requires_grad=True)
    with evaluating(model), enable_grad():
        found = layer_outputs(model, image, until=layer)
        if layer not in found:
            raise ValueError(f"dream: no layer {layer!r} in {type(model).__name__}; there are {', '.join(found)}")
        out = found[layer]
        if out.ndim not in (2, 4):
            raise ShapeError(f"dream: a layer must have units (N, n) or maps (N, n, H, W), {layer} has shape {out.shape}")
        if not 0 <= min(units) <= max(units) < out.shape[1]:
            raise IndexError(f"dream: {layer} has units 0..{out.shape[1] - 1}, got {list(units)}")
        middle = tuple(n // 2 for n in out.shape[2:])
        values = out[(np.arange(len(units)), np.asarray(units), *middle)]
        (gradient,) = autograd.grad(values.sum(), image)
    return values.array, gradient.array, out.ndim == 4


def _field(g: Array) -> tuple[int, int, int, int]:
    """Return top, bottom, left, right of the smallest rectangle around all nonzero pixels; of the image if all are zero."""
    edges = []
    for axis in (2, 3):
        nonzero = np.flatnonzero(g.any(tuple({0, 1, 2, 3} - {axis})))
        edges += [int(nonzero[0]), int(nonzero[-1]) + 1] if nonzero.size else [0, g.shape[axis]]
    return edges[0], edges[1], edges[2], edges[3]


def _blurred(x: Array) -> Array:
    for axis in (2, 3):
        wide = np.pad(x, [(1, 1) if i == axis else (0, 0) for i in range(4)], mode="edge")
        n = x.shape[axis]
        x = sum(weight * wide.take(range(i, i + n), axis) for i, weight in enumerate(KERNEL))
    return x


def _size(model: Module, shape: Sequence[int] | None) -> tuple[int, ...]:
    size = shape if shape is not None else getattr(model, "input_dim", None)
    if size is None or len(size) != 3:
        raise ValueError(f"dream: pass shape=(C, H, W), the shape of an image for {type(model).__name__}, got {shape}")
    return tuple(size)


def _largest(weight: Array) -> list[int]:
    """Return the units with the largest weights, in the order of their numbers."""
    norms = np.square(weight, dtype=np.float64).reshape(len(weight), -1).sum(1)
    return sorted(np.argsort(-norms, kind="stable")[:MOST].tolist())
