"""The exceptions minigrad raises on purpose.

Each subclasses the built-in that Python users already catch, so ``except ValueError`` works.
A message says operation, argument, actual value, rule and fix; its first line is complete on its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minigrad.viz import Graph

__all__ = ["AnomalyError", "DTypeError", "DatasetFileError", "GraphError", "MinigradError", "ShapeError", "WeightsFileError"]


class MinigradError(Exception):
    """Base of every error below; a Module adds the path of the layer in which it was raised.

    `graph` is a picture of what led there (viz/graphs/autopsy.py), drawn when it is asked for; None where no operation
    failed.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.module_path = ""  # e.g. "SimpleConvNet.fc1 (Linear(...))", filled in by nn.Module

    def __str__(self) -> str:
        message = str(self.args[0]) if self.args else ""
        return f"{message}\n  in {self.module_path}" if self.module_path else message

    @property
    def graph(self) -> Graph | None:
        from minigrad.viz.graphs.autopsy import autopsy  # the one look upwards, and only when somebody asks

        return autopsy(self)


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
