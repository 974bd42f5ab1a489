"""A run folder with all that it stands for: its data and its network, made again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

from minigrad.cli import datasets, models
from minigrad.errors import DatasetFileError
from minigrad.nn import Module
from minigrad.training import Run

__all__ = ["Opened", "add_run", "open_run", "restore"]


class Opened(NamedTuple):
    """A run, its data, and its network with the weights asked for."""

    run: Run
    data: datasets.Data
    network: Module


def add_run(parser: Any) -> None:
    """The arguments of a command about a run."""
    parser.add_argument("folder", metavar="RUN", help="a run folder that `minigrad train` left")
    parser.add_argument("--weights", choices=("best", "last", "init"), default="best", help="default: best")
    parser.add_argument("--root", metavar="DIR", help="where the MNIST files are, if not where they were")


def open_run(args: Any) -> Opened:
    """The run that the arguments of `add_run` name, with the weights asked for; FileNotFoundError where there is none."""
    run = Run.open(Path(args.folder))
    data, network = restore(run, args.root)
    run.load_weights(args.weights, network)
    return Opened(run, data, network)


def restore(run: Run, root: str | None) -> tuple[datasets.Data, Module]:
    """The data of a run, from `root` if they are not where they were, and a network of its kind; a word if they changed.

    Raises DatasetFileError for a configuration that is no run's.
    """
    config = run.config
    try:
        about, given = config["data"], config["arguments"]
        data = datasets.load(about["name"], root or given["root"], given["limit_train"], given["limit_test"])
        network = models.build(given["model"], tuple(about["shape"]), len(data.names))
        checksum = about["sha256"]
    except (KeyError, TypeError) as error:
        raise DatasetFileError(f"{run.folder / 'config.json'}: not the configuration of a run: {error}") from None
    if data.checksum != checksum:
        print(f"minigrad: the data differ from those of {run.folder}", file=sys.stderr)
    return data, network
