"""Sizes per axis, under the private names that layers written for PyTorch import from `nn.modules.utils`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeAlias

__all__: list[str] = []

_size_any_t: TypeAlias = int | tuple[int, ...]
_size_1_t = _size_2_t = _size_3_t = _size_4_t = _ratio_2_t = _ratio_3_t = _size_any_t


def _per_axis(n: int, value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, Iterable) else (value,) * n


def _ntuple(n: int, name: str = "parse") -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that repeats a number n times and returns other values as tuples."""
    return partial(_per_axis, n)


_single, _pair, _triple, _quadruple = map(_ntuple, (1, 2, 3, 4))


def _reverse_repeat_tuple(t: tuple[Any, ...], n: int) -> tuple[Any, ...]:
    """Return the elements in reverse order, each n times: the widths for `F.pad`."""
    return tuple(value for value in reversed(t) for _ in range(n))
