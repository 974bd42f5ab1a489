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
from minigrad.nn.inference import evaluating, layer_outputs, scores
from minigrad.tensors.tensor import tensor
from minigrad.training.history import Epoch
from minigrad.viz.charts import Chart, history_rows, line_chart, loss_and_accuracy
from minigrad.viz.colormaps import gray, heat
from minigrad.viz.confusion import confusion_matrix
from minigrad.viz.filters import kernels
from minigrad.viz.images import drawable
from minigrad.viz.mistakes import loss_and_probabilities
from minigrad.viz.png import data_uri, png
from minigrad.viz.style import columns_for, mosaic

__all__ = ["ReportData", "render_report"]

CELL_IMAGES = 24  # in a cell of the confusion matrix
MISTAKES = 24
MAPS = 30  # of a layer
LINES = 6  # in a chart
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
    losses, accuracies = _curves(data.history)
    page = _fill(
        "page",
        css=Html(resources.files("minigrad.training").joinpath("report.css").read_text("utf-8")),
        title=data.title,
        about=f"{described['train']:,} training and {described['test']:,} test images of {sizes}",
        class_count=len(data.classes),
        seed=config["arguments"]["seed"],
        tiles=_each("tile", ({"name": name, "value": value} for name, value in _key_figures(data).items())),
        notes=_fill("notes", items=_each("note", ({"text": text} for text in data.diagnoses))) if data.diagnoses else "",
        losses=losses,
        accuracies=accuracies,
        filters=_filters(data),
        layers=_layers(data),
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


def _key_figures(data: ReportData) -> dict[str, str]:
    history, best = data.history, max(data.history, key=lambda epoch: epoch.val_acc)
    return {
        f"best test accuracy, epoch {best.epoch}": f"{best.val_acc:.2%}",
        "last test accuracy": f"{history[-1].val_acc:.2%}",
        "last test loss": f"{history[-1].val_loss:.4f}",
        "parameters": f"{sum(p.numel() for p in data.network.parameters()):,}",
        "epochs": f"{len(history)}",
        f"{np.median([epoch.images_per_s for epoch in history]):,.0f} images per second": (
            f"{sum(epoch.seconds for epoch in history):.1f} s"
        ),
    }


def _curves(history: Sequence[Epoch]) -> tuple[Html, Html]:
    """Return the charts of loss and accuracy."""
    loss, accuracy = loss_and_accuracy(history_rows(history))
    return Html(line_chart(loss, "{:.3g}".format)), Html(line_chart(accuracy, "{:.4g}".format))


def _filters(data: ReportData) -> Html:
    """Return the section of the first convolution's kernels; nothing for a network without one."""
    if not any(p.ndim == 4 for p in data.network.parameters()):
        return Html()
    name, trained = kernels(data.network)
    initial = kernels(data.initial, name)[1]
    panels = {"initial": initial, "trained": trained, "difference": trained - initial}
    scale = max(float(np.abs(panel).max()) for panel in panels.values())
    items = []
    for title, panel in panels.items():
        tiles = panel[:64].mean(1)
        image = heat(mosaic(tiles, columns_for(len(tiles)), gap=0.4, zoom=ZOOM), scale)
        items.append({"title": title, "image": _image(image, image.shape[1] * 2, title)})
    mean = "" if trained.shape[1] == 1 else ", the mean of their channels"
    about = f"{name}: {trained.shape[0]} kernels of {'x'.join(map(str, trained.shape[1:]))}{mean}; white is zero, "
    return _fill("filters", about=f"{about}blue {-scale:.2g}, orange {scale:.2g}", panels=_each("panel", items))


def _layers(data: ReportData) -> Html:
    """Return the feature maps of the first test image."""
    with evaluating(data.network):
        outputs = layer_outputs(data.network, tensor(data.x[:1], next(data.network.parameters()).dtype))
    modules = dict(data.network.named_modules())
    sizes = "x".join(map(str, data.x.shape[1:]))
    items: list[dict[str, Any]] = [{"name": "input", "about": sizes, "image": _thumbnail(data.x[0], 56)}]
    for name, out in outputs.items():
        maps = out.array[0]
        if maps.ndim == 3 and not any(True for _ in modules[name].children()):
            columns, scale = min(len(maps), 15), float(np.abs(maps).max())
            image = heat(mosaic(maps[:MAPS], columns, gap=1.0, zoom=1), scale)
            about = f"{type(modules[name]).__name__} {'x'.join(map(str, maps.shape))}, up to {scale:.3g}"
            items.append({"name": name, "about": about, "image": _image(image, columns * 58, name)})
    return _each("layer", items)


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
    items = ({"name": name.replace("_", " "), "value": "" if value is None else value} for name, value in facts.items())
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
