"""report.html: a self-contained page about a run, without scripts or network access, light or dark as the screen.

The markup is in report.html beside this file: fragments of `string.Template`, each below a comment with its name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from html import escape
from importlib import resources
from string import Template
from typing import Any, NamedTuple

import numpy as np

from minigrad import nn
from minigrad.arrays import Array
from minigrad.nn import Module
from minigrad.nn.inference import scores
from minigrad.training.history import Epoch, best_epoch
from minigrad.viz.charts import Chart, history_rows, line_chart, loss_and_accuracy
from minigrad.viz.colormaps import gray, heat
from minigrad.viz.confusion import confusion_matrix
from minigrad.viz.dream import excited_layers
from minigrad.viz.feature_maps import layer_values
from minigrad.viz.filters import kernels, largest
from minigrad.viz.images import drawable
from minigrad.viz.mistakes import loss_and_probabilities
from minigrad.viz.png import data_uri, png
from minigrad.viz.style import columns_for, mosaic

__all__ = ["ReportData", "render_report"]

CELL_IMAGES = 24  # in a cell of the confusion matrix
MISTAKES = 24
MAPS = 30  # of a layer
LINES = 6  # in a chart
HEAT = "pixels heat"  # the look of images whose zero is white, and dark in dark mode
ZOOM = 5  # screen pixels for each weight of a kernel


class ReportData(NamedTuple):
    """The contents of a report."""

    title: str
    config: Mapping[str, Any]  # of the run folder
    history: Sequence[Epoch]
    gradients: Sequence[Mapping[str, float]]  # the norm of each parameter's gradient, by epoch
    diagnoses: Sequence[str]
    network: Module  # with its best weights
    initial: Module
    x: Array  # test images (N, C, H, W)
    t: Array  # their classes (N,)
    classes: Sequence[str]  # names
    graph: str  # of the loss, as SVG
    resume: str  # the command that continues the run


class Html(str):
    """Text that is markup, not to be escaped."""


def render_report(data: ReportData) -> str:
    """Return the HTML of a report."""
    outputs, config, described = scores(data.network, data.x), data.config, data.config["data"]
    counts = confusion_matrix(data.t, outputs.argmax(1), len(data.classes))
    sizes = "x".join(map(str, described["shape"]))
    rows, popovers = _confusion(data, counts, outputs)
    losses, accuracies = _curves(data)
    parts = [(described["train"], "training"), (described.get("validation"), "validation"), (described["test"], "test")]
    counts_of = ", ".join(f"{n:,} {part}" for n, part in parts if n)
    page = _fill(
        "page",
        css=Html(resources.files("minigrad.training").joinpath("report.css").read_text("utf-8")),
        title=data.title,
        about=f"{counts_of} images of {sizes}",
        class_count=len(data.classes),
        seed=config["arguments"]["seed"],
        tiles=_each("tile", ({"name": n, "value": value} for n, value in _key_figures(data, outputs).items())),
        notes=_fill("notes", items=_each("note", ({"text": text} for text in data.diagnoses))) if data.diagnoses else "",
        losses=losses,
        accuracies=accuracies,
        filters=_filters(data),
        layers=_layers(data),
        dreams=_dreams(data),
        wrong=f"{len(data.t) - int(np.trace(counts)):,} of {len(data.t):,}",
        classes=_each("class", ({"name": name} for name in data.classes)),
        rows=rows,
        popovers=popovers,
        mistakes=_mistakes(data, outputs),
        gradients=_gradients(data),
        graph=Html(data.graph[data.graph.index("<svg") :]),
        summary=nn.summary(data.network, (config["arguments"]["batch_size"], *data.x.shape[1:])),
        repeat=config["command"],
        resume=data.resume,
        facts=_facts(config),
    )
    return f"{page}\n"


@cache
def _fragments() -> dict[str, Template]:
    text = resources.files("minigrad.training").joinpath("report.html").read_text("utf-8")
    parts = re.split(r"<!-- (\w+) -->\n", text)[1:]
    return {name: Template(body.strip()) for name, body in zip(parts[::2], parts[1::2], strict=True)}


def _fill(fragment: str, **values: Any) -> Html:
    """Return a fragment of report.html with values in its placeholders, escaped unless they are Html."""
    escaped = {name: value if isinstance(value, Html) else escape(str(value)) for name, value in values.items()}
    return Html(_fragments()[fragment].substitute(escaped))


def _each(fragment: str, items: Iterable[Mapping[str, Any]]) -> Html:
    """Return a fragment once for each item."""
    return Html("".join(_fill(fragment, **item) for item in items))


def _key_figures(data: ReportData, outputs: Array) -> dict[str, str]:
    """Return the numbers at the top: the first is the accuracy on test images, which chose nothing."""
    history = data.history
    figures = {
        "test accuracy": f"{np.mean(outputs.argmax(1) == data.t):.2%}",
        "test loss": f"{loss_and_probabilities(outputs, data.t)[0].mean():.4f}",
    }
    if _held_out(data) == "validation":
        best = best_epoch(history)
        figures[f"best in validation, epoch {best.epoch}, whose weights these are"] = f"{best.val_acc:.2%}"
    return figures | {
        "parameters": f"{sum(p.numel() for p in data.network.parameters()):,}",
        "epochs": f"{len(history)}",
        f"{np.median([epoch.images_per_s for epoch in history]):,.0f} images per second": (
            f"{sum(epoch.seconds for epoch in history):.1f} s"
        ),
    }


def _held_out(data: ReportData) -> str:
    """Return what the images are for on which each epoch was evaluated."""
    return "validation" if data.config["data"].get("validation") else "test"


def _curves(data: ReportData) -> tuple[Html, Html]:
    """Return the charts of loss and accuracy."""
    loss, accuracy = loss_and_accuracy(history_rows(data.history), _held_out(data))
    return Html(line_chart(loss, "{:.3g}".format)), Html(line_chart(accuracy, "{:.4g}".format))


def _filters(data: ReportData) -> Html:
    """Return the section of the first convolution's kernels; nothing for a network without one."""
    if not any(p.ndim == 4 for p in data.network.parameters()):
        return Html()
    name, trained = kernels(data.network)
    initial = kernels(data.initial, name)[1]
    items = []
    for title, panel in {"initial": initial, "trained": trained, "difference": trained - initial}.items():
        tiles = panel[:64].mean(1)
        scale = largest(tiles)
        image = heat(mosaic(tiles, columns_for(len(tiles)), gap=0.4, zoom=ZOOM), scale)
        items.append({"title": f"{title}, ±{scale:.2g}", "image": _image(image, image.shape[1] * 2, title, HEAT)})
    mean = "" if trained.shape[1] == 1 else ", the mean of their channels"
    about = f"{name}: {trained.shape[0]} kernels of {'x'.join(map(str, trained.shape[1:]))}{mean}; blue is negative, orange "
    return _fill("filters", about=f"{about}positive, and each grid has its own scale", panels=_each("panel", items))


def _layers(data: ReportData) -> Html:
    """Return the feature maps of the first test image."""
    sizes = "x".join(map(str, data.x.shape[1:]))
    items: list[dict[str, Any]] = [{"name": "input", "about": sizes, "image": _thumbnail(data.x[0], 56)}]
    for name, kind, values in layer_values(data.network, data.x[0])[1:]:
        columns, scale = min(len(values), 15), largest(values)
        if values.ndim == 3:
            image = mosaic(values[:MAPS], columns, gap=1.0, zoom=1)
        else:  # units, as a strip
            image = values[np.newaxis].repeat(max(1, len(values) // 25), 0)
        about = f"{kind} {'x'.join(map(str, values.shape))}, up to {scale:.3g}"
        items.append({"name": name, "about": about, "image": _image(heat(image, scale), columns * 58, name, HEAT)})
    return _each("layer", items)


def _dreams(data: ReportData) -> Html:
    """Return the section of inputs that excite units most; nothing for inputs that are not images."""
    if data.x.ndim != 4:
        return Html()
    items = []
    for name, units, found in excited_layers(data.network, shape=data.x.shape[1:]):
        top, bottom, left, right = found.field
        images = found.images[:, :, top:bottom, left:right]
        captions = (_fill("dream_caption", unit=u, value=f"{v:.3g}") for u, v in zip(units, found.after, strict=True))
        shown = _each("thumbnail", map(_captioned, images, captions))
        items.append({"name": name, "about": f"sees {bottom - top}x{right - left}", "images": shown})
    return _fill("dreams", layers=_each("dream", items))


def _confusion(data: ReportData, counts: Array, outputs: Array) -> tuple[Html, Html]:
    """Return the rows of the confusion matrix, and the popovers of its cells."""
    predicted, names = outputs.argmax(1), data.classes
    loss, probability = loss_and_probabilities(outputs, data.t)
    most = max(1, int((counts - np.diag(counts.diagonal())).max()))
    rows, popovers = [], []
    for i, total in enumerate(counts.sum(1)):
        cells = []
        for j, n in enumerate(map(int, counts[i])):
            if not n:
                cells.append(_fill("no_cell"))
                continue
            share = n / total if i == j else math.sqrt(n / most)
            look = ("right" if i == j else "wrong") + (" strong" if share > 0.6 else "")
            title = f"{names[i]}, recognized" if i == j else f"{names[i]} taken for {names[j]}"
            common = {"id": f"c{i}-{j}", "title": title, "count": f"{n:,}"}
            cells.append(_fill("cell", look=look, share=f"{share:.3f}", **common))
            which = np.flatnonzero((data.t == i) & (predicted == j))
            which = which[np.argsort(-loss[which], kind="stable")][:CELL_IMAGES]
            captions = (_fill("cell_caption", index=k, probability=f"{probability[k, j]:.0%}") for k in which)
            images = _each("thumbnail", map(_captioned, data.x[which], captions))
            shown = "" if n == len(which) else f", the {len(which)} with the largest loss"
            popovers.append(_fill("popover", shown=shown, images=images, **common))
        recall = f"{counts[i, i] / total:.1%}" if total else "none"
        rows.append({"name": names[i], "cells": Html("".join(cells)), "recall": recall})
    return _each("row", rows), Html("\n".join(popovers))


def _mistakes(data: ReportData, outputs: Array) -> Html:
    """Return the test images with the largest loss."""
    loss, probability = loss_and_probabilities(outputs, data.t)
    items = []
    for k in np.argsort(-loss, kind="stable")[:MISTAKES].tolist():
        true, predicted = data.t[k], int(outputs[k].argmax())
        caption = _fill(
            "correct_caption" if true == predicted else "mistake_caption",
            true=data.classes[true],
            predicted=data.classes[predicted],
            probability=f"{probability[k, predicted]:.0%}",
            index=k,
        )
        items.append(_captioned(data.x[k], caption, "" if true == predicted else "wrong"))
    return _each("thumbnail", items)


def _gradients(data: ReportData) -> Html:
    names = [name for name in data.gradients[0] if name.endswith("weight")] or list(data.gradients[0])
    if len(names) > LINES:  # from the first to the last layer
        names = [names[round(i * (len(names) - 1) / (LINES - 1))] for i in range(LINES)]
    series = {name: [norms.get(name, math.nan) for norms in data.gradients] for name in names}
    return Html(line_chart(Chart("gradients", [epoch.epoch for epoch in data.history], series, log=True), "{:.2g}".format))


def _facts(config: Mapping[str, Any]) -> Html:
    facts = {
        **config["arguments"],
        **{f"data {k}": v for k, v in config["data"].items() if k != "name"},
        **config["versions"],
    }
    items = ({"name": name.replace("_", " "), "value": value} for name, value in facts.items() if value is not None)
    return _each("fact", items)


def _captioned(image: Array, caption: Html, look: str = "") -> dict[str, Any]:
    """Return the values of a "thumbnail" fragment."""
    return {"image": _thumbnail(image, 76), "caption": caption, "look": look}


def _thumbnail(image: Array, width: int) -> Html:
    """Return one image (C, H, W): one channel as ink on paper, or three as colors."""
    pixels = drawable(image[np.newaxis])[0]
    if pixels.ndim == 3:
        return _image(np.rint(255 * pixels.clip(0, 1)).astype(np.uint8), width, "")
    low = min(float(pixels.min()), 0.0)
    return _image(gray(pixels, low, max(float(pixels.max()), low + 1e-9)), width, "", "pixels ink")


def _image(pixels: Array, width: int, alt: str, look: str = "pixels") -> Html:
    return _fill("image", look=look, width=width, alt=alt, source=data_uri(png(pixels)))
