"""``minigrad info``: versions and hardware, for bug reports."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

import minigrad
from minigrad.cli.arguments import Parser
from minigrad.config import get_default_dtype
from minigrad.data.mnist import MNIST, find_file
from minigrad.kernels.threads import VARIABLES

__all__ = ["DESCRIPTION", "HELP", "add_arguments", "blas", "run"]

HELP = "print versions, BLAS, threads and installed extras"
DESCRIPTION = "Print versions, BLAS, threads and installed extras, for bug reports."
EXTRAS = ("graphviz", "matplotlib", "tqdm", "safetensors", "onnx", "mpi4py", "hypothesis", "torch")


def add_arguments(parser: Parser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("--json", action="store_true", help="print one line of JSON")


def run(args: argparse.Namespace) -> int:
    """Print the facts."""
    name, threads = blas()
    mnist = find_file(MNIST, MNIST.files["train"][0])
    found: dict[str, Any] = {
        "minigrad": minigrad.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": name,
        "threads": threads,
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "dtype": str(get_default_dtype()),
        **{package: _version(package) for package in EXTRAS},
        "dot": shutil.which("dot") is not None,
        "mnist": None if mnist is None else str(mnist.parent),
    }
    if args.json:
        print(json.dumps(found))
        return 0
    for key, value in found.items():
        missing = "not installed" if key in EXTRAS else "not found"
        print(f"{key:12} {missing if value in (None, False) else 'found' if value is True else value}")
    return 0


def blas() -> tuple[str, int]:
    """Return the name of NumPy's BLAS and its number of threads, as far as NumPy and the environment tell."""
    about = np.show_config(mode="dicts")
    name = about.get("Build Dependencies", {}).get("blas", {}).get("name", "unknown")
    given = [os.environ[key] for key in VARIABLES if os.environ.get(key, "").isdecimal()]
    known = {"openblas": "OpenBLAS", "accelerate": "Accelerate", "mkl": "MKL", "blis": "BLIS"}
    name = next((pretty for key, pretty in known.items() if key in str(name).lower()), name)
    return str(name), int(given[0]) if given else os.cpu_count() or 1


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
