"""detect_anomaly: raise an error at the operation that computes the first NaN or infinity.

Outside the context it costs nothing: forward, it is a watcher of operations; backward, it is a subclass of the walk.
"""

from __future__ import annotations

import linecache
import sys
import threading
import weakref
from contextlib import ContextDecorator
from functools import partial
from os.path import dirname
from typing import Any, NamedTuple, NoReturn

import numpy as np

from minigrad.arrays import Traced
from minigrad.engine import walk
from minigrad.engine.interrupts import Revertible, in_turn
from minigrad.engine.primitive import Primitive
from minigrad.engine.scope import in_this_thread, watchers
from minigrad.engine.tape import Node
from minigrad.engine.walk import Walk
from minigrad.errors import AnomalyError, blame

__all__ = ["detect_anomaly", "set_detect_anomaly"]

INSIDE = (dirname(dirname(__file__)), dirname(np.__file__))  # files that are not the user's


class Place(NamedTuple):
    """A line of the user's program."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        code = linecache.getline(self.file, self.line).strip()
        return f'File "{self.file}", line {self.line}, in {self.function}' + (f": {code}" if code else "")


class detect_anomaly(Revertible, ContextDecorator):
    """Raise AnomalyError at the first NaN or infinity in this thread, forward or backward; a context or a decorator.

    The error names the operation, the first bad element, their number, and the line of the forward call. Every NaN is bad;
    an infinity is bad unless an input was infinite (masks of -inf are fine). With ``check_nan=False`` nothing is raised, as
    in PyTorch.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> with mg.detect_anomaly(), np.errstate(all="ignore"):
    ...     mg.tensor([1.0, 0.0]) / mg.tensor([1.0, 0.0])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    minigrad.errors.AnomalyError: divide: the result holds nan at index (1,), the first of 1 bad elements of 2
      called  ...
    """

    def __init__(self, check_nan: bool = True):
        super().__init__()
        self.check_nan = check_nan
        self._places: weakref.WeakKeyDictionary[Node, Place] = weakref.WeakKeyDictionary()

    def __enter__(self) -> detect_anomaly:
        undo, looking, walks = in_turn(), in_this_thread(self._look), walk.walking.walks
        if self.check_nan:
            undo = in_turn(partial(watchers.remove, looking), partial(walks.remove, self._walk))
        self._undo += (undo,)
        if self.check_nan:
            watched = watchers
            watched += (looking,)
            walks += (self._walk,)
        return self

    def _recreate_cm(self) -> detect_anomaly:
        return detect_anomaly(self.check_nan)

    def _look(self, op: Primitive, args: tuple[Any, ...], out: Any, node: Node | None) -> None:
        """Check the result of an operation, and store the line of the call."""
        place = _users_line()
        if node is not None and place is not None:
            self._places[node] = place
        bad = _first_bad(out, args)
        if bad is None:
            return
        names = [op.input_name(i) for i, arg in enumerate(args) if _first_bad(arg, ()) is not None]
        came = f"\n  input   {' and '.join(names)} already held some" if names else ""
        _raise(f"{op.__name__}: the result holds {bad}{came}", bad, node, place, out)

    def _walk(self, *args: Any) -> Walk:
        return _WatchedWalk(self._places, *args)


class set_detect_anomaly:
    """Switch `detect_anomaly` on or off, until the next call or the end of a ``with`` block.

    >>> import numpy as np
    >>> import minigrad as mg
    >>> with np.errstate(all="ignore"), mg.autograd.set_detect_anomaly(True):
    ...     mg.tensor([-1.0]).sqrt()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    minigrad.errors.AnomalyError: sqrt: the result holds nan at index (0,), the first of 1 bad elements of 1
      called  ...
    """

    def __init__(self, mode: bool, check_nan: bool = True):
        self._former = _here.switch
        self._set(detect_anomaly(check_nan) if mode else None)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: Any) -> None:
        self._set(self._former)

    def _set(self, context: detect_anomaly | None) -> None:
        if _here.switch is not None:
            _here.switch.__exit__()
        _here.switch = context
        if context is not None:
            context.__enter__()


class _Here(threading.local):
    switch: detect_anomaly | None = None


_here = _Here()


class _WatchedWalk(Walk):
    """A backward walk that checks the gradients returned by rules."""

    def __init__(self, places: Any, *args: Any):
        super().__init__(*args)
        self.places = places

    def visit(self, node: Node, g: Any) -> bool:
        ran = super().visit(node, g)
        for position, parent in enumerate(node.parents):
            bad = None if parent is None else _first_bad(self.table.get(parent), (g,))
            if bad is None:
                continue
            place = self.places.get(node)
            hint = "" if place else "\n  hint: call the forward inside detect_anomaly(), too, to see its line"
            name = node.primitive.input_name(position) if node.primitive else ""
            came = "\n  input   the incoming gradient already held some" if _first_bad(g, ()) else ""
            _raise(f"{node.operation}: its gradient for {name!r} holds {bad}{came}{hint}", bad, node, place)
        return ran


class _Bad(NamedTuple):
    """The first bad element of an array: its value and index, the number of bad elements and of all."""

    value: str
    place: tuple[int, ...]
    number: int
    size: int

    def __str__(self) -> str:
        if not self.place:
            return self.value
        return f"{self.value} at index {self.place}, the first of {self.number} bad elements of {self.size}"


def _first_bad(value: Any, inputs: tuple[Any, ...]) -> _Bad | None:
    """Return the first NaN of a float array, or its first infinity if the inputs are finite; None if there is none."""
    array = _float_array(value)
    if array is None or np.isfinite(array).all():
        return None
    bad = np.isnan(array)
    if not bad.any():
        if any((a := _float_array(arg)) is not None and not np.isfinite(a).all() for arg in inputs):
            return None
        bad = np.isinf(array)
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(bad)), bad.shape))
    return _Bad(str(array[index]), index, int(bad.sum()), array.size)


def _float_array(value: Any) -> Any:
    array = value.array if isinstance(value, Traced) else np.asarray(value) if isinstance(value, float) else value
    return array if isinstance(array, np.ndarray | np.generic) and array.dtype.kind == "f" else None


def _users_line() -> Place | None:
    """Return the innermost line on the stack outside of this package and NumPy."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith(INSIDE):
        frame = frame.f_back  # type: ignore[assignment]
    return None if frame is None else Place(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


def _raise(message: str, bad: _Bad, node: Node | None, place: Place | None, out: Any = None) -> NoReturn:
    error = AnomalyError(message + (f"\n  called  {place}" if place else ""))
    error.node, error.index, error.count, error.place = node, bad.place, bad.number, place
    raise blame(error, result=out)
