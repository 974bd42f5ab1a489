"""Recording on and off, in each thread for itself."""

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
    """Recording on or off for a ``with`` block, or for the body of a decorated function.

    The body of a generator, and of an asynchronous function, is entered and left many times: each time it goes on with the
    mode that it was left with, and whoever goes on meanwhile has their own.
    """

    enabled: bool

    def __enter__(self) -> None:
        self._undo += (partial(setattr, mode, "enabled", mode.enabled),)
        mode.enabled = self.enabled

    def __call__(self, function: F) -> F:
        """The function, its body run in this mode."""
        if not callable(function):
            raise TypeError(f"{type(self).__name__}: decorates a function, got {type(function).__name__}")
        if inspect.isclass(function):
            warnings.warn(
                f"{type(self).__name__}: on a class it holds for making instances alone, not for their methods\n"
                "  hint: decorate __init__, or the methods",
                FutureWarning,
                stacklevel=2,
            )
        return functools.wraps(function)(_inside(function, self.enabled))  # type: ignore[return-value]


class set_grad_enabled(_Switch):
    """Switch recording on or off in this thread: by the call itself, for a ``with`` block, or for a decorated function.

    The former state comes back at the end of the block, also after an exception. Raises TypeError for anything but a bool.

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
        mode.enabled = self._former  # it is the function that is meant, not what follows the decorator
        return super().__call__(function)


class no_grad(_Switch):
    """Record nothing in this thread: ``with no_grad():``, ``@no_grad()`` or ``@no_grad``.

    >>> import minigrad as mg
    >>> x = mg.tensor(3.0, requires_grad=True)
    >>> with mg.no_grad():
    ...     (x * x).requires_grad
    False
    """

    enabled = False

    @overload
    def __new__(cls, function: F) -> F: ...  # type: ignore[misc]
    @overload
    def __new__(cls, function: None = None) -> Self: ...
    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        return super().__new__(cls) if function is None else cls()(function)


class enable_grad(_Switch):
    """Record again, inside a `no_grad` block: ``with enable_grad():``, ``@enable_grad()`` or ``@enable_grad``."""

    enabled = True

    @overload
    def __new__(cls, function: F) -> F: ...  # type: ignore[misc]
    @overload
    def __new__(cls, function: None = None) -> Self: ...
    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        return super().__new__(cls) if function is None else cls()(function)


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
    """Whether operations are recorded in this thread."""
    return mode.enabled


def _inside(function: Callable[..., Any], enabled: bool) -> Callable[..., Any]:
    """A function that runs in a mode; it may do so in several threads at once, so nothing of the switch goes into it."""
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
    """Run a generator or a coroutine, in a mode of its own between its suspensions; `inner` holds that mode."""
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
    """`_resumed` for what is awaited."""
    return (yield from _resumed(body, inner))
