"""How time grows with a network: the exponent of depth, width and batch, fitted through the medians of several sizes."""

from __future__ import annotations

import statistics

import numpy as np

SIZES = {"depth": (10, 20, 40, 80, 160), "width": (64, 128, 256, 512, 1024), "batch": (16, 64, 256, 1024)}
TITLES = {
    "depth": "layers of Linear(16, 16) and Tanh, one training step: batch 32, Adam",
    "width": "width of the MLP, one training step: batch 128, Adam",
    "batch": "batch of MLP 784-512-512-10, one training step: Adam",
}
WORKLOADS = {f"growth: {kind} {size}": (kind, size) for kind, sizes in SIZES.items() for size in sizes}
HEAD = "\n| work | sizes | exponent of minigrad | of PyTorch |\n|---|---|---|---|"


def exponent(sizes, seconds):
    """Return p of ``seconds ~ c * sizes ** p``: the slope of the least squares line through the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def exponents(kind, measured):
    """Return the exponent of each peer; `measured` has, for each size, the seconds of each peer and round."""
    peers = measured[0]
    return {peer: exponent(SIZES[kind], [statistics.median(seconds[peer]) for seconds in measured]) for peer in peers}


def row(kind, found):
    """Return one row of the table in Markdown; a peer that was not measured has an empty cell."""
    sizes = SIZES[kind]
    cells = [f"{found[peer]:.2f}" if peer in found else "" for peer in ("minigrad", "pytorch")]
    return f"| {TITLES[kind]} | {sizes[0]} to {sizes[-1]} | {' | '.join(cells)} |"
