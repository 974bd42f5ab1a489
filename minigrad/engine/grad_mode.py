"""Gradient mode: recording on and off, per thread."""

from __future__ import annotations

import functools
import inspect
import threading
import types
import warnings
from collections.abc import AsyncGenerator, Callable, Generator
from functools import partial
from typing import Any, Self, TypeVar, overload

from minigrad.engine.interrupts import Revertible

__all__ = ["enable_grad", "inference_mode", "is_grad_enabled", "mode", "no_grad", "set_grad_enabled"]


F = TypeVar("F", bound=Callable[..., Any])


class _Mode(threading.local):
    enabled = True


mode = _Mode()


class _Switch(Revertible):
    """Recording on or off during a ``with`` block, or in the body of a decorated function.

    The body of a generator or an asynchronous function is suspended and resumed: it resumes with the mode it was suspended
    with, and code that runs in between has its own mode.
    """

    enabled: bool

    def __enter__(self) -> None:
        self._undo += (partial(setattr, mode, "enabled", mode.enabled),)
        mode.enabled = self.enabled

    def __call__(self, function: F) -> F:
        """Return the function, with its body run in this mode."""
        if not callable(function):
            raise TypeError(f"{type(self).__name__}: decorates a function, got {type(function).__name__}")
        if inspect.isclass(function):
            warnings.warn(
                f"{type(self).__name__}: on a class it applies to the creation of instances only, not to their methods\n"
                "  hint: decorate __init__, or the methods",
                FutureWarning,
                stacklevel=2,
            )
        return functools.wraps(function)(_inside(function, self.enabled))  # type: ignore[return-value]


class set_grad_enabled(_Switch):
    """Switch recording on or off in this thread: by the call itself, during a ``with`` block, or in a decorated function.

    The end of the block restores the former mode, also after an exception. Raises TypeError unless `enabled` is a bool.

    >>> import minigrad as mg
    >>> x = mg.tensor(3.0, requires_grad=True)
    >>> with mg.set_grad_enabled(False):
    ...     (x * x).requires_grad
    False
    """

    def __init__(self, enabled: bool):
        if not isinstance(enabled, bool):
            raise TypeError(f"set_grad_enabled: enabled must be a bool, got {type(enabled).__name__}")
        super().__init__()
        self.enabled = enabled
        self._former = mode.enabled
        mode.enabled = enabled

    def __enter__(self) -> None:
        self._undo += (partial(setattr, mode, "enabled", self._former),)
        mode.enabled = self.enabled

    def __call__(self, function: F) -> F:
        mode.enabled = self._former  # the switch is for the function, not for what follows the decorator
        return super().__call__(function)


class _FixedSwitch(_Switch):
    """A switch whose class decides the mode; it decorates with and without parentheses."""

    @overload
    def __new__(cls, function: F) -> F: ...  # type: ignore[misc]
    @overload
    def __new__(cls, function: None = None) -> Self: ...
    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        return super().__new__(cls) if function is None else cls()(function)


class no_grad(_FixedSwitch):
    """Disable recording in this thread: ``with no_grad():``, ``@no_grad()`` or ``@no_grad``.

    >>> import minigrad as mg
    >>> x = mg.tensor(3.0, requires_grad=True)
    >>> with mg.no_grad():
    ...     (x * x).requires_grad
    False
    """

    enabled = False


class enable_grad(_FixedSwitch):
    """Enable recording in this thread, inside `no_grad`: ``with enable_grad():``, ``@enable_grad()`` or ``@enable_grad``."""

    enabled = True


class inference_mode(_Switch):
    """PyTorch's name for `no_grad`; ``inference_mode(False)`` records."""

    @overload
    def __new__(cls, mode: bool = True) -> Self: ...
    @overload
    def __new__(cls, mode: F) -> F: ...  # type: ignore[misc]
    def __new__(cls, mode: Any = True) -> Any:
        return super().__new__(cls) if isinstance(mode, bool) else cls()(mode)

    def __init__(self, mode: Any = True) -> None:
        super().__init__()
        self.enabled = not mode


def is_grad_enabled() -> bool:
    """Return whether operations are recorded in this thread."""
    return mode.enabled


def _inside(function: Callable[..., Any], enabled: bool) -> Callable[..., Any]:
    """Return a function that runs in a mode; it shares no state with the switch, because several threads may call it."""
    if inspect.isgeneratorfunction(function):

        def generate(*args: Any, **options: Any) -> Any:
            return (yield from _resumed(function(*args, **options), [enabled]))

        return generate
    if inspect.iscoroutinefunction(function):

        async def wait(*args: Any, **options: Any) -> Any:
            return await _awaited(function(*args, **options), [enabled])

        return wait
    if inspect.isasyncgenfunction(function):

        async def generate_and_wait(*args: Any, **options: Any) -> AsyncGenerator[Any, Any]:
            body, inner = function(*args, **options), [enabled]
            step = body.asend(None)
            while True:
                try:
                    value = await _awaited(step, inner)
                except StopAsyncIteration:
                    return
                try:
                    step = body.asend((yield value))
                except GeneratorExit:
                    await _awaited(body.aclose(), inner)
                    raise
                except BaseException as error:
                    step = body.athrow(error)

        return generate_and_wait

    def call(*args: Any, **options: Any) -> Any:
        outer, mode.enabled = mode.enabled, enabled
        try:
            return function(*args, **options)
        finally:
            mode.enabled = outer

    return call


def _resumed(body: Any, inner: list[bool]) -> Generator[Any, Any, Any]:
    """Run a generator or a coroutine in the mode held by `inner`, which is updated at each suspension."""
    step, given = body.send, None
    try:
        while True:
            outer, mode.enabled = mode.enabled, inner[0]
            try:
                value = step(given)
            finally:
                inner[0], mode.enabled = mode.enabled, outer
            try:
                step, given = body.send, (yield value)
            except GeneratorExit:
                outer, mode.enabled = mode.enabled, inner[0]
                try:
                    body.close()
                finally:
                    mode.enabled = outer
                raise
            except BaseException as error:
                step, given = body.throw, error
    except StopIteration as end:
        return end.value


@types.coroutine
def _awaited(body: Any, inner: list[bool]) -> Generator[Any, Any, Any]:
    """`_resumed` as an awaitable."""
    return (yield from _resumed(body, inner))
