"""``minigrad predict RUN INDEX|FILE``: classify images with a run's network."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.arrays import Array
from minigrad.cli import data_sources
from minigrad.cli.arguments import Parser
from minigrad.cli.image_files import read_images
from minigrad.cli.runs import add_run, open_run
from minigrad.nn.inference import scores
from minigrad.progress import say

__all__ = ["DESCRIPTION", "HELP", "add_arguments", "run"]

HELP = "classify images with the network of a run"
DESCRIPTION = "Print the most probable classes of images."
EXAMPLES = """examples:
  minigrad predict RUN 0 1 2          the first three test images of the run's data
  minigrad predict RUN digit.png      a picture of any size, dark on light or bright on dark; needs Pillow
  minigrad predict RUN digits.npy     an array (H, W), (C, H, W), (N, H, W) or (N, C, H, W), within 0..1, or uint8
"""
SHOWN = 3  # classes


def add_arguments(parser: Parser) -> None:
    """Add the arguments of the command."""
    add_run(parser)
    parser.add_argument("images", nargs="+", metavar="INDEX|FILE", help="test images by index; pictures or .npy files")
    parser.add_argument("--json", action="store_true", help="print one line of JSON for each image")


def run(args: argparse.Namespace) -> int:
    """Predict, and print a line for each image."""
    opened, data, network = open_run(args)
    digit = data_sources.DIGITS.get(opened.config["data"]["name"])
    inputs: list[tuple[str, Array, dict[str, Any]]] = []
    for name in args.images:
        if name.lstrip("-").isdecimal():
            index = int(name)
            if not 0 <= index < len(data.x_test):
                raise ValueError(f"there is no test image {index}; they are 0..{len(data.x_test) - 1}")
            inputs.append((name, data.x_test[index], {"true": int(data.t_test[index])}))
        else:
            if not Path(name).exists():
                raise FileNotFoundError(f"{name} is neither the index of a test image nor a file: No such file")
            images, inverted = read_images(name, data.x_test.shape[1:], digit)
            if inverted:
                say(f"{name}: dark ink on a light ground: inverted", sys.stderr)
            facts = {} if inverted is None else {"inverted": inverted}
            inputs += [(name if len(images) == 1 else f"{name}[{i}]", image, facts) for i, image in enumerate(images)]
    outputs = scores(network, np.stack([image for _, image, _ in inputs])).astype(np.float64)
    for (name, _, _), row in zip(inputs, outputs, strict=True):
        if not np.isfinite(row).all():
            raise ValueError(
                f"{name}: the network's scores are NaN or infinite: its training diverged\n"
                "  hint: train again with a smaller --lr; or try --weights best"
            )
    probabilities = np.exp(outputs - outputs.max(1, keepdims=True))
    probabilities /= probabilities.sum(1, keepdims=True)
    for (name, _, facts), row in zip(inputs, probabilities, strict=True):
        best = np.argsort(-row, kind="stable")[:SHOWN].tolist()
        if args.json:
            result = {"image": name, "class": best[0], "probabilities": [round(p, 6) for p in row.tolist()], **facts}
            print(json.dumps(result, allow_nan=False))
        else:
            first, *others = (f"{data.names[label]} ({row[label]:.1%})" for label in best)
            true = facts.get("true")
            verdict = "" if true is None else "   right" if true == best[0] else f"   wrong: it is {data.names[true]}"
            print(f"{name}: {first}, then {', '.join(others)}{verdict}")
    return 0
