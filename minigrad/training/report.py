"""report.html: a run on one page that stands by itself: no script, no network, light or dark as its reader's screen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minigrad.arrays import Array
from minigrad.nn import Module
from minigrad.nn.inference import evaluating, layer_outputs, scores
from minigrad.nn.summary import summarize
from minigrad.tensors.tensor import Tensor
from minigrad.training.history import Epoch
from minigrad.viz.charts import Chart, history_rows, line_chart, loss_and_accuracy
from minigrad.viz.colormaps import gray, heat
from minigrad.viz.confusion import confusion_matrix
from minigrad.viz.filters import kernels
from minigrad.viz.images import drawable
from minigrad.viz.mistakes import worst_by_loss
from minigrad.viz.png import data_uri, png
from minigrad.viz.style import columns_for, mosaic

__all__ = ["Story", "report"]

FACES, WORST, MAPS, LINES = (
    24,
    24,
    30,
    6,
)  # images in a cell of the confusion matrix; mistakes; maps of a layer; lines in a chart
ZOOM = 5  # screen pixels of a kernel's weight


class Story(NamedTuple):
    """What a report tells."""

    title: str
    config: Mapping[str, Any]
    history: Sequence[Epoch]
    gradients: Sequence[Mapping[str, float]]
    diagnoses: Sequence[str]
    network: Module  # with its best weights
    initial: Module
    x: Array  # test images (N, C, H, W)
    t: Array
    classes: Sequence[str]
    graph: str  # of the loss, as SVG
    resume: str  # the command


def report(story: Story) -> str:
    """The page."""
    given = scores(story.network, story.x)
    sections = [
        _headline(story),
        _curves(story),
        _filters(story),
        _feature_maps(story),
        _confusion(story, given),
        _mistakes(story, given),
        _gradients(story),
        _graph(story),
        _facts(story),
    ]
    css = Path(__file__).with_name("report.css").read_text("utf-8")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(story.title)}</title>\n<style>{css}</style></head>\n<body><main>\n"
        + "\n".join(section for section in sections if section)
        + "\n</main></body></html>\n"
    )


def _headline(story: Story) -> str:
    history, best = story.history, max(story.history, key=lambda epoch: epoch.val_acc)
    last = history[-1]
    seconds = sum(epoch.seconds for epoch in history)
    parameters = sum(p.numel() for p in story.network.parameters())
    facts = {
        f"best test accuracy, epoch {best.epoch}": f"{best.val_acc:.2%}",
        "last test accuracy": f"{last.val_acc:.2%}",
        "last test loss": f"{last.val_loss:.4f}",
        "parameters": f"{parameters:,}",
        "epochs": f"{len(history)}",
        f"{np.median([epoch.images_per_s for epoch in history]):,.0f} images per second": f"{seconds:.1f} s",
    }
    tiles = "".join(
        f"<div{' class=first' if i == 0 else ''}><b>{value}</b><span class=soft>{name}</span></div>"
        for i, (name, value) in enumerate(facts.items())
    )
    notes = "".join(f"<li>{escape(text)}</li>" for text in story.diagnoses)
    data = story.config["data"]
    about = f"{data['train']:,} training and {data['test']:,} test images of {'x'.join(map(str, data['shape']))}"
    return (
        f"<h1>{escape(story.title)}</h1><p class=soft>{about}, {len(story.classes)} classes; "
        f"seed {story.config['arguments']['seed']}</p><div class=tiles>{tiles}</div>"
        + (f"<ul class=notes>{notes}</ul>" if notes else "")
    )


def _curves(story: Story) -> str:
    loss, accuracy = loss_and_accuracy(history_rows(story.history))
    return (
        "<h2>Curves</h2><div class=two>"
        f"<figure><figcaption>loss by epoch</figcaption>{line_chart(loss, '{:.3g}'.format)}</figure>"
        f"<figure><figcaption>{accuracy.title}</figcaption>{line_chart(accuracy, '{:.4g}'.format)}</figure></div>"
    )


def _filters(story: Story) -> str:
    if not any(p.ndim == 4 for p in story.network.parameters()):
        return ""
    name, trained = kernels(story.network)
    initial = kernels(story.initial, name)[1]
    panels = {"initial": initial, "trained": trained, "difference": trained - initial}
    scale = max(float(np.abs(panel).max()) for panel in panels.values())
    figures = []
    for title, panel in panels.items():
        tiles = panel[:64].mean(1) if panel.shape[1] != 1 else panel[:64, 0]
        image = heat(mosaic(tiles, columns_for(len(tiles)), gap=0.4, zoom=ZOOM), scale)
        figures.append(f"<figure><figcaption>{title}</figcaption>{_image(image, image.shape[1] * 2, title)}</figure>")
    mean = "" if trained.shape[1] == 1 else ", the mean of their channels"
    about = f"{name}: {trained.shape[0]} kernels of {'x'.join(map(str, trained.shape[1:]))}{mean}; white is zero, "
    about += f"blue {-scale:.2g}, orange {scale:.2g}"
    return f"<h2>Filters</h2><p class=soft>{escape(about)}</p><div class=row>{''.join(figures)}</div>"


def _feature_maps(story: Story) -> str:
    with evaluating(story.network):
        found = layer_outputs(story.network, Tensor(story.x[:1], next(story.network.parameters()).dtype))
    kinds = dict(story.network.named_modules())
    rows = [("input", "x".join(map(str, story.x.shape[1:])), _face(story.x[0], 56))]
    for name, out in found.items():
        maps = out.array[0]
        if maps.ndim == 3 and not kinds[name]._modules:
            scale = float(np.abs(maps).max())
            image = heat(mosaic(maps[:MAPS], min(len(maps), 15), gap=1.0, zoom=1), scale)
            about = f"{type(kinds[name]).__name__} {'x'.join(map(str, maps.shape))}, up to {scale:.3g}"
            rows.append((name, about, _image(image, min(len(maps), 15) * 58, name)))
    body = "".join(
        f"<div class=layer><div>{escape(name)}<small>{escape(about)}</small></div>{image}</div>"
        for name, about, image in rows
    )
    return f"<h2>Feature maps</h2><p class=soft>the first test image on its way through the network</p>{body}"


def _confusion(story: Story, given: Array) -> str:
    predicted, C = given.argmax(1), len(story.classes)
    counts = confusion_matrix(story.t, predicted, C)
    loss, probability = worst_by_loss(given, story.t)
    most = max(1, int((counts - np.diag(counts.diagonal())).max()))
    names = [escape(name) for name in story.classes]
    rows, pages = [], []
    for i in range(C):
        cells = []
        for j in range(C):
            n = int(counts[i, j])
            if not n:
                cells.append("<td class=none></td>")
                continue
            share = n / counts[i].sum() if i == j else math.sqrt(n / most)
            look = ("right" if i == j else "wrong") + (" strong" if share > 0.6 else "")
            cells.append(
                f'<td><button class="{look}" style="--share:{share:.3f}" popovertarget="c{i}-{j}" '
                f'aria-label="{names[i]} taken for {names[j]}: {n}">{n}</button></td>'
            )
            which = np.flatnonzero((story.t == i) & (predicted == j))
            which = which[np.argsort(-loss[which], kind="stable")][:FACES].tolist()
            pages.append(_cell(story, i, j, n, which, probability))
        found = f"{counts[i, i] / counts[i].sum():.1%}" if counts[i].any() else "none"
        rows.append(f"<tr><th>{names[i]}</th>{''.join(cells)}<th class=end>{found}</th></tr>")
    head = "".join(f"<th>{name}</th>" for name in names)
    wrong = len(story.t) - int(np.trace(counts))
    return (
        f"<h2>Confusion</h2><p class=soft>{wrong:,} of {len(story.t):,} test images taken for another class; rows are true, "
        "columns predicted. A cell shows its images.</p>"
        f"<table class=confusion><tr><th></th>{head}<th class=end>found</th></tr>"
        f"{''.join(rows)}</table>{''.join(pages)}"
    )


def _cell(story: Story, i: int, j: int, n: int, which: Sequence[int], probability: Array) -> str:
    """The images of a cell of the confusion matrix, the most doubtful first."""
    faces = "".join(_portrait(story.x[k], f"test {k}<br>{probability[k, j]:.0%}") for k in which)
    names = [escape(name) for name in story.classes]
    title = f"{names[i]}, recognised" if i == j else f"{names[i]} taken for {names[j]}"
    shown = "" if n == len(which) else f", the {len(which)} with the largest loss"
    head = f"<p><b>{title}</b> <span class=soft>{n:,}{shown}</span></p>"
    return f'<div popover id="c{i}-{j}">{head}<div class=faces>{faces}</div></div>'


def _mistakes(story: Story, given: Array) -> str:
    loss, probability = worst_by_loss(given, story.t)
    predicted = given.argmax(1)
    faces = []
    for k in np.argsort(-loss, kind="stable")[:WORST].tolist():
        wrong = predicted[k] != story.t[k]
        true, taken = (escape(story.classes[c]) for c in (story.t[k], predicted[k]))
        caption = f"<b>{true} → {taken}</b>" if wrong else f"{true}, right"
        look = "class=wrong" if wrong else ""
        sure = f"{probability[k, predicted[k]]:.0%}"
        faces.append(_portrait(story.x[k], f"{caption}<br>{sure}<br>test {k}", look))
    return (
        "<h2>Mistakes</h2><p class=soft>the test images with the largest loss: what each is, what it was taken for, "
        f"how surely</p><div class=faces>{''.join(faces)}</div>"
    )


def _gradients(story: Story) -> str:
    names = [name for name in story.gradients[0] if name.endswith("weight")] or list(story.gradients[0])
    if len(names) > LINES:  # from the first to the last layer
        names = [names[round(i * (len(names) - 1) / (LINES - 1))] for i in range(LINES)]
    epochs = [epoch.epoch for epoch in story.history]
    series = {name: [norms.get(name, math.nan) for norms in story.gradients] for name in names}
    chart = line_chart(Chart("gradients", epochs, series, log=True), "{:.2g}".format)
    return (
        "<h2>Gradients</h2><p class=soft>the norm of each layer's gradient in the last step of each epoch, on a logarithmic "
        f"scale</p><div class=two><figure>{chart}</figure></div>"
    )


def _graph(story: Story) -> str:
    drawing = story.graph[story.graph.index("<svg") :]
    return (
        "<h2>Graph</h2><p class=soft>the loss of a batch: what it is made of, what is kept for its gradient, and how that "
        f"flows back</p><div class=graph>{drawing}</div>"
    )


def _facts(story: Story) -> str:
    config = story.config
    facts = {
        **config["arguments"],
        **{f"data {k}": v for k, v in config["data"].items() if k != "name"},
        **config["versions"],
    }
    rows = "".join(
        f"<tr><th>{escape(key.replace('_', ' '))}</th><td>{escape('' if value is None else str(value))}</td></tr>"
        for key, value in facts.items()
    )
    summary = summarize(story.network, (config["arguments"]["batch_size"], *story.x.shape[1:]))
    return (
        f"<h2>Network</h2><pre>{escape(str(summary))}</pre>"
        f"<h2>Again</h2><p class=soft>the command that gives this run, bit for bit on the same machine, and the one that "
        f"goes on with it</p><pre>{escape(config['command'])}\n{escape(story.resume)}</pre>"
        f"<h2>Configuration</h2><table class=facts>{rows}</table>"
    )


def _portrait(image: Array, caption: str, look: str = "") -> str:
    return f"<figure {look}><div class=frame>{_face(image, 76)}</div><figcaption>{caption}</figcaption></figure>"


def _face(image: Array, width: int) -> str:
    """One image (C, H, W): ink on paper, or in colours."""
    pixels = drawable(image[np.newaxis])[0]
    if pixels.ndim == 3:
        return _image(np.rint(255 * pixels.clip(0, 1)).astype(np.uint8), width, "")
    low = min(float(pixels.min()), 0.0)
    return _image(gray(pixels, low, max(float(pixels.max()), low + 1e-9)), width, "", "pixels ink")


def _image(pixels: Array, width: int, alt: str, look: str = "pixels") -> str:
    return f'<img class="{look}" width="{width}" alt="{escape(alt)}" src="{data_uri(png(pixels))}">'
