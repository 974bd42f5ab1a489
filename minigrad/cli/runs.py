"""Run folders as commands read them: the configuration checked, the data and the network made again."""

from __future__ import annotations

import os
import reprlib
import sys
from pathlib import Path
from typing import Any, NamedTuple

from minigrad.cli import datasets, models
from minigrad.errors import DatasetFileError
from minigrad.nn import Module
from minigrad.progress import say
from minigrad.training import Run

__all__ = [
    "Opened",
    "Recorded",
    "add_run",
    "add_trust",
    "check_trust",
    "damaged",
    "is_path",
    "open_run",
    "recorded",
    "restore",
]


class Opened(NamedTuple):
    """A run, its data, and its network with the weights asked for."""

    run: Run
    data: datasets.Data
    network: Module


class Recorded(NamedTuple):
    """What the config.json of a run says of its data and its network; checked."""

    data: str
    shape: tuple[int, ...]
    classes: int
    sha256: str
    model: str
    root: str | None
    limit_train: int | None
    limit_test: int | None


def add_run(parser: Any) -> None:
    """Add the arguments of a command about a run."""
    parser.add_argument("folder", metavar="RUN", help="a run folder that `minigrad train` left")
    parser.add_argument("--weights", choices=("best", "last", "init"), default="best", help="default: best")
    parser.add_argument("--root", metavar="DIR", help="where the MNIST files are, if not where they were")
    add_trust(parser)


def add_trust(parser: Any) -> None:
    """Add --trust, without which a run folder cannot name code to import."""
    parser.add_argument(
        "--trust",
        action="store_true",
        help="import the network that the run's config.json names, if it is not one of minigrad.models: this runs its code",
    )


def open_run(args: Any) -> Opened:
    """Open the run that the arguments of `add_run` name, with the weights asked for.

    Raises FileNotFoundError where there is none, and what `restore` raises.
    """
    run = Run.open(Path(args.folder))
    data, network = restore(run, args.root, args.trust)
    run.load_weights(args.weights, network)
    return Opened(run, data, network)


def restore(run: Run, root: str | None, trust: bool) -> tuple[datasets.Data, Module]:
    """Load the data of a run, from `root` if they are not where they were, and build its network; warn if the data changed.

    Raises DatasetFileError for a damaged configuration, ValueError for a network of somebody's own without `trust`.
    """
    about = recorded(run)
    check_trust(run, about.model, trust)
    data = datasets.load(about.data, root or about.root, about.limit_train, about.limit_test)
    network = models.build(about.model, about.shape, about.classes)
    if data.checksum != about.sha256:
        say(f"minigrad: the data differ from those of {run.folder}", sys.stderr)
    return data, network


def check_trust(run: Run, model: str, trust: bool) -> None:
    """Raise ValueError for a network that is not one of minigrad.models, unless the run is trusted.

    A folder may come from somebody else, and to load ``os:getcwd`` is to import `os` and to call `getcwd`.
    """
    if not (trust or models.ships(model)):
        raise ValueError(
            f"{run.folder / 'config.json'}: the network {model!r} is not one of minigrad.models: loading it runs its code\n"
            "  hint: add --trust if you trust whoever made this folder; or, in Python, make the network yourself and call\n"
            '  minigrad.training.Run.open(folder).load_weights("best", network)'
        )


def recorded(run: Run) -> Recorded:
    """Read what a run's configuration says of its data and its network.

    Raises DatasetFileError, naming the field, for a configuration that `minigrad train` did not write.
    """
    config = run.config
    about, given = (_field(run, config, name, lambda value: isinstance(value, dict)) for name in ("data", "arguments"))
    name = _field(run, about, "name", lambda value: isinstance(value, str) and value in datasets.NAMES)
    shape = datasets.SHAPES[name]
    limits = (_field(run, given, f"limit_{part}", _is_limit) for part in ("train", "test"))
    _field(run, about, "shape", lambda value: value == list(shape))
    return Recorded(
        name,
        shape,
        _field(run, about, "classes", lambda value: type(value) is int and value == datasets.CLASSES),
        _field(run, about, "sha256", lambda value: isinstance(value, str)),
        _field(run, given, "model", lambda value: isinstance(value, str) and (models.ships(value) or ":" in value)),
        _field(run, given, "root", lambda value: value is None or is_path(value)),
        *limits,
    )


def damaged(run: Run, field: str, value: Any) -> DatasetFileError:
    """Make the error for a field whose value `minigrad train` would not have written."""
    return DatasetFileError(
        f"{run.folder / 'config.json'}: not the configuration of a run: its {field!r} is {reprlib.repr(value)}"
    )


def is_path(value: Any) -> bool:
    """Whether the value is a text that can name a file."""
    try:
        return isinstance(value, str) and b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        return False


def _field(run: Run, owner: dict[str, Any], name: str, right: Any) -> Any:
    """The field `name`, if the predicate `right` holds for it."""
    if name not in owner:
        raise DatasetFileError(f"{run.folder / 'config.json'}: not the configuration of a run: it has no {name!r}")
    if not right(owner[name]):
        raise damaged(run, name, owner[name])
    return owner[name]


def _is_limit(value: Any) -> bool:
    return value is None or (type(value) is int and value >= 1)
