"""The exceptions that minigrad raises, and helpers that word their messages.

Each subclasses the built-in exception that Python users already catch, so ``except ValueError`` works.
A message names the operation, the argument, the actual value, the rule and the fix; its first line is complete by itself.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from minigrad.pictures import draw

__all__ = [
    "AnomalyError", "DTypeError", "DatasetFileError", "Failure", "GraphError", "MinigradError", "ShapeError",
    "WeightsFileError", "blame", "did_you_mean", "warn",
]  # fmt: skip

Error = TypeVar("Error", bound=BaseException)


class Failure(NamedTuple):
    """Details of a failed operation; the engine attaches them to errors as `error.failure`, and pictures read them.

    >>> Failure("add", position=1).position
    1
    """

    operation: str = ""  # the outermost operation that was called
    arguments: tuple[tuple[str, Any], ...] = ()  # of that call, by name
    node: Any = None  # the node of the tape whose gradient rule failed, or whose result is bad
    position: int | None = None  # of the input whose gradient failed
    result: Any = None  # the array that the operation returned, if it is bad
    seeds: Sequence[tuple[Any, Any]] = ()  # where the failed backward started


def blame(error: Error, **facts: Any) -> Error:
    """Attach fields of `Failure` to an error, replacing those attached further in; return the error.

    >>> blame(ShapeError("two sizes"), operation="add").failure.operation
    'add'
    """
    error.failure = getattr(error, "failure", Failure())._replace(**facts)  # type: ignore[attr-defined]
    return error


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Return a hint with the known name closest to a mistyped word, to append to a message; "" if none is close.

    >>> did_you_mean("adma", ["sgd", "adam"])
    "; did you mean 'adam'?"
    """
    import difflib  # imported only once there is a mistake

    close = difflib.get_close_matches(str(word), list(known), 1)
    return f"; did you mean {close[0]!r}?" if close else ""


class MinigradError(Exception):
    """Base class of the errors below; a Module adds the path of the layer that raised it.

    `graph` is a picture of the operations that led to the failure (viz/graphs/autopsy.py), or None if no operation failed.

    >>> issubclass(ShapeError, MinigradError), issubclass(ShapeError, ValueError)
    (True, True)
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
    """Shapes that do not fit together.

    >>> import minigrad as mg
    >>> mg.zeros(2, 3).reshape(4)
    Traceback (most recent call last):
    minigrad.errors.ShapeError: reshape: 6 elements of shape (2, 3) do not fit shape (4,)
    """


class DTypeError(MinigradError, TypeError):
    """A dtype that the operation does not accept.

    >>> import minigrad as mg
    >>> mg.set_default_dtype(mg.int64)
    Traceback (most recent call last):
    minigrad.errors.DTypeError: set_default_dtype: must be a float dtype, got int64
    """


class GraphError(MinigradError, RuntimeError):
    """A use of the computation graph that would yield a wrong gradient, or none.

    >>> import minigrad as mg
    >>> loss = mg.tensor(2.0, requires_grad=True) ** 2
    >>> loss.backward()
    >>> loss.backward()
    Traceback (most recent call last):
    minigrad.errors.GraphError: pow: backward through a graph that was already freed
      hint: pass retain_graph=True to the first backward, or compute the result again
    """


class AnomalyError(GraphError):
    """The first NaN or infinity produced by an operation or a gradient rule under `detect_anomaly`.

    `node` is the operation's place on the tape (None if nothing was recorded), `index` is the first bad element, `count` the
    number of bad elements, and `place` is (file, line, function) of the forward call, or None.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> try:
    ...     with mg.detect_anomaly(), np.errstate(all="ignore"):
    ...         mg.tensor([1.0, 0.0]) / mg.tensor([1.0, 0.0])
    ... except AnomalyError as error:
    ...     error.index, error.count
    ((1,), 1)
    """

    node: Any = None
    index: tuple[int, ...] = ()
    count: int = 0
    place: Any = None


class WeightsFileError(MinigradError, ValueError):
    """A file that is damaged, hostile, or not a weights file.

    >>> import io
    >>> import minigrad as mg
    >>> try:
    ...     mg.serialization.load_npz(io.BytesIO(b"no weights"))
    ... except WeightsFileError as error:
    ...     print(error)
    the open file: damaged, or not a .npz file of 10 bytes: no archive ends where it does
    """


class DatasetFileError(MinigradError, ValueError):
    """A dataset file that is damaged, or not the expected one.

    >>> import pathlib, tempfile
    >>> import minigrad as mg
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "images"
    ...     _ = path.write_bytes(b"no images")
    ...     try:
    ...         mg.data.read_idx(path)
    ...     except DatasetFileError as error:
    ...         print(str(error).replace(str(path), path.name))
    images: magic number: expected two zero bytes, a type and a count, got 6e6f2069
    """


def warn(message: str) -> None:
    """Warn at the line outside of the library that called it.

    >>> import warnings
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn("slow")
    >>> str(caught[0].message)
    'slow'
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == __name__.partition(".")[0]:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, stacklevel=level)
