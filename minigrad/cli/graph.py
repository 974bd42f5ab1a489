"""``minigrad graph RUN|MODEL``: a picture of the graph of a network."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from minigrad import viz
from minigrad.arrays import Array
from minigrad.cli import networks
from minigrad.cli.arguments import Parser, at_least_zero, shape_and_dtype
from minigrad.cli.runs import add_trust, restore
from minigrad.random import manual_seed
from minigrad.training import Run
from minigrad.training.gallery import loss_graph
from minigrad.viz.graphs.look import CHOICES, SHOWN

__all__ = ["DESCRIPTION", "HELP", "add_arguments", "run"]

HELP = "draw the graph of a network"
DESCRIPTION = "Draw the graph of a run's loss, or of a module called on random inputs."
EXAMPLES = """examples:
  minigrad graph runs/2026-11-24_043100-digits -o net.html     its loss, gradients, kernels and saved arrays
  minigrad graph lenet -o net.svg
  minigrad graph package.module:Net --shape 3,32,32 -o net.svg
  minigrad graph package.module:Net --input 1,3,224,224 --depth 2
"""
BATCH = 100  # images of a run's training data


def add_arguments(parser: Parser) -> None:
    """Add the arguments of the command."""
    add = parser.add_argument
    add("source", metavar="RUN|MODEL", help=f"a run folder, {', '.join(networks.NAMES)}, module:Class or module:object")
    networks.add_image_arguments(parser)
    add("--input", type=shape_and_dtype, action="append", default=[], metavar="N,C,H,W",
        help="shape of an input with its batch size, instead of --shape; repeat it for further inputs; "
        "8,16:int64 for a dtype other than float32")  # fmt: skip
    formats = ", ".join(f".{name}" for name in viz.FORMATS)
    add("-o", "--out", metavar="FILE", help=f"file to write: {formats} (default: text on stdout)")
    add("--depth", type=at_least_zero, metavar="N", help="draw modules N levels below the outermost as single boxes")
    add("--no-fold", action="store_true", help="draw each repeated block separately")
    add("--show", type=_names, metavar="NAME,...", help=f"facts in the boxes, of {', '.join(SHOWN)}")
    for option, choices in CHOICES.items():
        add(f"--{option}", choices=choices, default=choices[0], help=f"{option} (default: {choices[0]})")
    add("--root", metavar="DIR", help="folder of the MNIST files of a run, if they were moved")
    add_trust(parser)


def run(args: argparse.Namespace) -> int:
    """Draw the graph, and print it or the name of its file."""
    options = {name: getattr(args, name) for name in ("depth", *CHOICES)} | {"fold": not args.no_fold, "names": {}}
    if args.show is not None:
        options["show"] = args.show
    picture = _of_run(args, options) if (Path(args.source) / "config.json").is_file() else _of_module(args, options)
    if args.out is None:
        print(picture)
    else:
        print(f"{picture.title}; {picture.save(args.out)}")
    return 0


def _of_run(args: argparse.Namespace, options: dict[str, Any]) -> viz.Graph:
    """Return the graph of the loss of the first training images, with the kernels before and after training."""
    saved = Run.open(Path(args.source))
    data, network = restore(saved, args.root, args.trust)
    saved.load_weights("init", network)
    initial = {name: value.clone() for name, value in network.state_dict().items()}
    saved.load_weights("best", network)
    if args.input:
        return viz.module_graph(network, tuple(map(_random, args.input)), initial=initial, **options)
    return loss_graph(network, initial, data.x_train[:BATCH], data.t_train[:BATCH], **options)


def _of_module(args: argparse.Namespace, options: dict[str, Any]) -> viz.Graph:
    inputs = args.input or [((1, *args.shape), "float32")]
    manual_seed(0)  # the same weights, and so the same picture, each time
    model = networks.build(args.source, inputs[0][0][1:], args.classes)
    return viz.module_graph(model, tuple(map(_random, inputs)), **options)


def _random(spec: tuple[tuple[int, ...], str]) -> Array:
    shape, dtype = spec
    rng = np.random.default_rng(0)
    return rng.standard_normal(shape).astype(dtype) if np.dtype(dtype).kind == "f" else np.zeros(shape, dtype)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)
