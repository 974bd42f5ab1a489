"""Composites: operations that are composed of others."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from minigrad.arrays import Traced
from minigrad.engine.arguments import displayed, names_for, parameters_of, renamed
from minigrad.engine.out import call_into
from minigrad.engine.promotion import WIDE, Operands, computing_dtype, narrowed
from minigrad.engine.scope import arguments, composite_watchers, here
from minigrad.errors import blame

if TYPE_CHECKING:
    from minigrad.arrays import SameTensor

__all__ = ["Composite", "composite", "separate"]


def composite(function: Callable[..., Any]) -> Composite:
    """Turn a function that calls operations into one operation, without gradient rules.

    Pictures draw it as one box, its arguments are accepted under PyTorch's and NumPy's names (`axis` also as `dim`, `x` as
    `input`; see `ALIASES`), and its errors name it.

    >>> import numpy as np
    >>> @composite
    ... def spread(x, axis=None):
    ...     return np.max(x, axis) - np.min(x, axis)
    >>> spread(np.array([[1, 2], [3, 7]]), dim=1)
    array([1, 4])
    """
    return Composite(function)


def separate(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make the result of a composite a tensor of its own where it would be its first argument, or a view of it.

    PyTorch copies in these functions: what changes the result afterwards must not change the argument.
    """

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        out = function(*args, **options)
        if not isinstance(out, Traced):
            return out
        if args and out is args[0]:
            return out.clone()
        out.place = None
        return out

    return call


class Composite:
    """An operation composed of others; created with `composite`."""

    __name__: str
    __wrapped__: Callable[..., Any]
    compute: Callable[..., Any]

    def __init__(self, function: Callable[..., Any]):
        functools.update_wrapper(self, function)
        self.compute = function  # or its kernel (engine/fused.py)
        self.names = parameters_of(function).names
        self.operands: Operands | None = None  # the inputs that are converted to floats (promotion.py)

    def takes(self, operands: Operands) -> None:
        """Declare the inputs that are converted to floats."""
        self.operands = operands

    @functools.cached_property
    def known(self) -> dict[str, str]:
        """The accepted names of arguments, each with the name in the signature; see `ALIASES`."""
        return names_for(self.names)

    @overload
    def __call__(self, x: SameTensor, /, *args: Any, **options: Any) -> SameTensor: ...
    @overload
    def __call__(self, *args: Any, **options: Any) -> Any: ...
    def __call__(self, *args: Any, **options: Any) -> Any:
        if options:
            if "out" in options:
                return call_into(self, self.__name__, args, options)
            options = renamed(options, self.known)
        outer = here.scope
        here.scope = outer, self.__wrapped__, arguments(args, options)
        try:
            if self.operands is None or self._are_floats(self.operands, args, options):
                out = self.compute(*args, **options)
            else:
                args, options, half = self._in_floats(self.operands, args, options)
                out = self.compute(*args, **options)
                out = narrowed(out) if half else out
            if composite_watchers:
                for watcher in tuple(composite_watchers):
                    watcher(self, args, options, out)
            return out
        except Exception as error:
            if not str(error).startswith(self.__name__):
                error.add_note(f"in {self.__name__}")
            blame(error, operation=self.__name__, arguments=(*zip(self.names, args, strict=False), *options.items()))
            raise
        finally:
            here.scope = outer

    def _are_floats(self, operands: Operands, args: tuple[Any, ...], options: dict[str, Any]) -> bool:
        """Return whether no operand needs a conversion; none does with `dtype=`, to which the input is converted."""
        for at in operands.places:
            x = self._given(at, args, options)
            array = x.array if isinstance(x, Traced) else x
            if isinstance(array, np.ndarray | np.generic) and array.dtype.char not in WIDE:
                return "dtype" in self.names and self._given(self.names.index("dtype"), args, options) is not None
        return True

    def _given(self, at: int, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Return an argument given by position or by name; None if it was left out."""
        return args[at] if at < len(args) else options.get(self.names[at]) if options else None

    def _in_floats(
        self, operands: Operands, args: tuple[Any, ...], options: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any], bool]:
        """Convert integers and halves to the computing dtype; return the arguments, and whether to round to float16."""
        given: dict[Any, Any] = {at: args[at] for at in operands.places if at < len(args)}
        given |= {n: options[n] for at in operands.places if (n := self.names[at]) in options}
        arrays = {key: x.array if isinstance(x, Traced) else x for key, x in given.items()}
        arrays = {key: x for key, x in arrays.items() if isinstance(x, np.ndarray | np.generic)}
        dtype, half = computing_dtype(operands, arrays.values(), weak=False)
        kinds = "e?bBhHiIlLqQ" if operands.floating else "e"
        changed = {key: given[key].astype(dtype) for key, x in arrays.items() if x.dtype.char in kinds}
        options = options | {key: x for key, x in changed.items() if isinstance(key, str)}
        return tuple([changed.get(at, x) for at, x in enumerate(args)]), options, half

    @property
    def __signature__(self) -> inspect.Signature:
        """The signature that `help` shows."""
        return displayed(inspect.signature(self.__wrapped__))

    def __get__(self, instance: Any, owner: Any = None) -> Composite:
        return self  # on a class (`op = matmul`) a value, not a method; and with it `help` shows a function

    def __repr__(self) -> str:
        return f"<operation {self.__name__}>"

    def __reduce__(self) -> str:
        return self.__name__
