"""Datasets that are streams: they yield items, in their own order."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

__all__ = ["IterableDataset"]


class IterableDataset:
    """Base class of a stream of items: a subclass defines `__iter__`. A DataLoader makes batches of it, in its order.

    >>> from minigrad.data import DataLoader
    >>> class Squares(IterableDataset):
    ...     def __iter__(self):
    ...         return (n * n for n in range(5))
    >>> list(DataLoader(Squares(), batch_size=3))
    [tensor([0, 1, 4]), tensor([ 9, 16])]
    """

    def __class_getitem__(cls, item: Any) -> Any:  # IterableDataset[Item], as in PyTorch
        return types.GenericAlias(cls, item)

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__} does not define __iter__()")
