"""Run folders as commands read them: checked configurations, restored data and networks."""

from __future__ import annotations

import os
import reprlib
import sys
from pathlib import Path
from typing import Any, NamedTuple

from minigrad.cli import data_sources, networks
from minigrad.cli.arguments import Parser
from minigrad.errors import DatasetFileError
from minigrad.nn import Module
from minigrad.progress import say
from minigrad.training import Run

__all__ = [
    "OpenedRun", "RunSetup", "add_run", "add_trust", "invalid_field", "is_path", "open_run", "read_setup",
    "restore",
]  # fmt: skip


class OpenedRun(NamedTuple):
    """A run, its data, and its network with the chosen weights."""

    run: Run
    data: data_sources.Data
    network: Module


class RunSetup(NamedTuple):
    """The data and the network that the config.json of a run names; checked."""

    data: str
    shape: tuple[int, ...]
    classes: int
    sha256: str
    model: str
    root: str | None
    limit_train: int | None
    limit_test: int | None


def add_run(parser: Parser) -> None:
    """Add the arguments of a command about a run."""
    parser.add_argument("folder", metavar="RUN", help="a run folder, made by `minigrad train`")
    parser.add_argument("--weights", choices=("best", "last", "init"), default="best", help="which weights (default: best)")
    parser.add_argument("--root", metavar="DIR", help="folder of the MNIST files, if they were moved")
    add_trust(parser)


def add_trust(parser: Parser) -> None:
    """Add --trust, without which a run folder cannot name code to import."""
    parser.add_argument(
        "--trust",
        action="store_true",
        help="allow config.json to name a network outside minigrad.models, whose code is then run",
    )


def open_run(args: Any) -> OpenedRun:
    """Open the run that the arguments of `add_run` name, with the chosen weights.

    Raises FileNotFoundError if there is none, and the errors of `restore`.
    """
    run = Run.open(Path(args.folder))
    data, network = restore(run, args.root, args.trust)
    run.load_weights(args.weights, network)
    return OpenedRun(run, data, network)


def restore(run: Run, root: str | None, trust: bool) -> tuple[data_sources.Data, Module]:
    """Load the data of a run, from `root` if it is given, and build its network; warn if the data changed.

    Raises DatasetFileError for an invalid configuration, ValueError for a network from a user's code without `trust`.
    """
    setup = read_setup(run, trust)
    data = data_sources.load(setup.data, root or setup.root, setup.limit_train, setup.limit_test)
    network = networks.build(setup.model, setup.shape, setup.classes)
    if data.checksum != setup.sha256:
        say(f"minigrad: the data differ from those of {run.folder}", sys.stderr)
    return data, network


def read_setup(run: Run, trust: bool) -> RunSetup:
    """Read the data and the network that the configuration of a run names.

    Raises DatasetFileError, naming the field, for a configuration that `minigrad train` did not write; and ValueError for a
    network that is not one of minigrad.models, unless the run is trusted. A folder may come from another person, and loading
    the network ``os:getcwd`` imports `os` and calls `getcwd`.
    """
    config = run.config
    data, given = (_field(run, config, name, lambda value: isinstance(value, dict)) for name in ("data", "arguments"))
    name = _field(run, data, "name", lambda value: isinstance(value, str) and value in data_sources.NAMES)
    shape = data_sources.SHAPES[name]
    limits = (_field(run, given, f"limit_{part}", _is_limit) for part in ("train", "test"))
    _field(run, data, "shape", lambda value: value == list(shape))
    setup = RunSetup(
        name,
        shape,
        _field(run, data, "classes", lambda value: type(value) is int and value == data_sources.CLASSES),
        _field(run, data, "sha256", lambda value: isinstance(value, str)),
        _field(run, given, "model", lambda value: isinstance(value, str) and (networks.is_built_in(value) or ":" in value)),
        _field(run, given, "root", lambda value: value is None or is_path(value)),
        *limits,
    )
    if not (trust or networks.is_built_in(setup.model)):
        raise ValueError(
            f"{run.folder / 'config.json'}: the network {setup.model!r} is not one of minigrad.models: loading it runs its "
            "code\n  hint: add --trust if you trust the origin of this folder; or, in Python, make the network yourself and "
            'call\n  minigrad.training.Run.open(folder).load_weights("best", network)'
        )
    return setup


def invalid_field(run: Run, field: str, value: Any) -> DatasetFileError:
    """Return the error for a field whose value `minigrad train` would not have written."""
    return DatasetFileError(
        f"{run.folder / 'config.json'}: not the configuration of a run: its {field!r} is {reprlib.repr(value)}"
    )


def is_path(value: Any) -> bool:
    """Return whether the value is a text that can name a file."""
    try:
        return isinstance(value, str) and b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        return False


def _field(run: Run, owner: dict[str, Any], name: str, valid: Any) -> Any:
    """Return the field `name`; raise DatasetFileError unless the predicate `valid` holds for it."""
    if name not in owner:
        raise DatasetFileError(f"{run.folder / 'config.json'}: not the configuration of a run: it has no {name!r}")
    if not valid(owner[name]):
        raise invalid_field(run, name, owner[name])
    return owner[name]


def _is_limit(value: Any) -> bool:
    return value is None or (type(value) is int and value >= 1)
