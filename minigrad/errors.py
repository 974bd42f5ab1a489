"""The exceptions minigrad raises on purpose.

Each subclasses the built-in that Python users already catch, so ``except ValueError`` works.
A message says operation, argument, actual value, rule and fix; its first line is complete on its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

from minigrad.pictures import draw

__all__ = [
    "AnomalyError", "DTypeError", "DatasetFileError", "Failure", "GraphError", "MinigradError", "ShapeError",
    "WeightsFileError", "blame",
]  # fmt: skip

Error = TypeVar("Error", bound=BaseException)


class Failure(NamedTuple):
    """What failed: the engine attaches it to the errors it raises or passes on, as `error.failure`, for pictures."""

    operation: str = ""  # the outermost operation that was called
    arguments: tuple[tuple[str, Any], ...] = ()  # of that call, by name
    node: Any = None  # the node of the tape whose gradient rule failed, or whose result is bad
    position: int | None = None  # of the input whose gradient failed
    result: Any = None  # the array that the operation returned, if it is bad
    seeds: Sequence[tuple[Any, Any]] = ()  # where the failed backward started
    module: Any = None  # the outermost module that was called


def blame(error: Error, **facts: Any) -> Error:
    """Attach facts to an error, over those attached further in; return the error. See `Failure`."""
    error.failure = getattr(error, "failure", Failure())._replace(**facts)  # type: ignore[attr-defined]
    return error


class MinigradError(Exception):
    """Base of every error below; a Module adds the path of the layer in which it was raised.

    `graph` is a picture of the operations that led to the failure (viz/graphs/autopsy.py); None where no operation failed.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.module_path = ""  # e.g. "SimpleConvNet.fc1 (Linear(...))", filled in by nn.Module

    def __str__(self) -> str:
        message = str(self.args[0]) if self.args else ""
        return f"{message}\n  in {self.module_path}" if self.module_path else message

    @property
    def graph(self) -> Any:
        return draw("autopsy", self)


class ShapeError(MinigradError, ValueError):
    """Shapes that do not fit together."""


class DTypeError(MinigradError, TypeError):
    """A dtype that the operation does not accept."""


class GraphError(MinigradError, RuntimeError):
    """A computation graph used in a way that would give a wrong gradient, or none."""


class AnomalyError(GraphError):
    """The first NaN or infinity that an operation or a gradient rule made, as `detect_anomaly` found it.

    `node` is the operation's place on the tape (None where nothing was recorded), `index` and `count` say which elements are
    bad, and `place` is (file, line, function) of the forward call, or None.
    """

    node: Any = None
    index: tuple[int, ...] = ()
    count: int = 0
    place: Any = None


class WeightsFileError(MinigradError, ValueError):
    """A weights file that is damaged, hostile, or not a weights file."""


class DatasetFileError(MinigradError, ValueError):
    """A dataset file that is damaged, or not what it should be."""
