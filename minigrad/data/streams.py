"""Iterable-style datasets, which yield their items in one order."""

from __future__ import annotations

import itertools
import types
from collections.abc import Iterable, Iterator
from typing import Any

__all__ = ["ChainDataset", "IterableDataset"]


class IterableDataset:
    """Base class of datasets that yield their items: a subclass defines `__iter__`, and `__len__` if it is known.

    >>> from minigrad.data import DataLoader
    >>> class Count(IterableDataset):
    ...     def __iter__(self):
    ...         return iter(range(5))
    >>> list(DataLoader(Count(), batch_size=2))
    [tensor([0, 1]), tensor([2, 3]), tensor([4])]
    """

    def __class_getitem__(cls, item: Any) -> Any:  # IterableDataset[Item], as in PyTorch
        return types.GenericAlias(cls, item)

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} does not define __iter__()")

    def __add__(self, other: IterableDataset) -> ChainDataset:
        return ChainDataset([self, other])


class ChainDataset(IterableDataset):
    """The items of several iterable datasets, one after the other.

    >>> class Letters(IterableDataset):
    ...     def __init__(self, text):
    ...         self.text = text
    ...     def __iter__(self):
    ...         return iter(self.text)
    >>> list(ChainDataset([Letters("ab"), Letters("c")]))
    ['a', 'b', 'c']
    """

    def __init__(self, datasets: Iterable[IterableDataset]):
        self.datasets = datasets

    def __iter__(self) -> Iterator[Any]:
        return itertools.chain.from_iterable(self.datasets)

    def __len__(self) -> int:
        return sum(map(len, self.datasets))  # type: ignore[arg-type]
