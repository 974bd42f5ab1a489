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
HEAD = ("work", "sizes", "minigrad, ms", "PyTorch, ms", "exponent of minigrad", "of PyTorch")


def measured(kind, runs):
    """Return the seconds of each peer and round for each size, or nothing if a size was not measured."""
    found = [runs[workload].seconds for workload, (other, _) in WORKLOADS.items() if other == kind and workload in runs]
    return found if len(found) == len(SIZES[kind]) else []


def exponent(sizes, seconds):
    """Return p of ``seconds ~ c * sizes ** p``: the slope of the least squares line through the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def medians(measured):
    """Return the median of each peer for each size."""
    return {peer: [statistics.median(seconds[peer]) for seconds in measured] for peer in measured[0]}


def exponents(kind, measured):
    """Return the exponent of each peer."""
    return {peer: exponent(SIZES[kind], seconds) for peer, seconds in medians(measured).items()}


def cells(kind, measured):
    """Return the cells of one row; those of a peer that was not measured are empty."""
    times, found, peers = medians(measured), exponents(kind, measured), ("minigrad", "pytorch")
    shown = [", ".join(f"{1e3 * seconds:.3g}" for seconds in times.get(peer, ())) for peer in peers]
    return [
        TITLES[kind],
        ", ".join(map(str, SIZES[kind])),
        *shown,
        *(f"{found[p]:.2f}" if p in found else "" for p in peers),
    ]
