"""Map-style datasets, whose items are read by index: of arrays, and of other datasets."""

from __future__ import annotations

import bisect
import math
import types
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, Generic, Protocol, runtime_checkable

import numpy as np

from minigrad.arrays import Array, array_of
from minigrad.errors import DTypeError, ShapeError
from minigrad.random import default_generator
from minigrad.tensors.tensor import Tensor

__all__ = ["ConcatDataset", "Dataset", "StackDataset", "Subset", "TensorDataset", "random_split"]


@runtime_checkable
class Dataset(Protocol):
    """Protocol of a dataset: a length, and items by index. Subclassing is optional.

    >>> from minigrad.data import DataLoader
    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, index):
    ...         return index**2
    >>> list(DataLoader(Squares(), batch_size=2))
    [tensor([0, 1]), tensor([4])]
    """

    def __class_getitem__(cls, item: Any) -> Any:  # Dataset[Item], as in PyTorch
        return types.GenericAlias(cls, item)

    def __len__(self) -> int:
        raise TypeError(f"{type(self).__name__} does not define __len__(), the number of its items")

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not define __getitem__(index)")


if TYPE_CHECKING:
    from typing_extensions import TypeVar  # which every checker knows

    Source = TypeVar("Source", bound=Dataset, default=Dataset)
else:
    from typing import TypeVar

    Source = TypeVar("Source")


class TensorDataset:
    """A dataset of arrays or tensors of the same length; item i is the tuple of their i-th elements.

    >>> import numpy as np
    >>> TensorDataset(np.zeros((3, 2)), np.array([5, 6, 7]))[1]
    (array([0., 0.]), np.int64(6))
    """

    def __init__(self, *tensors: Any):
        if not tensors:
            raise ValueError("TensorDataset: needs at least one array")
        self.arrays = [_checked_array(i, t) for i, t in enumerate(tensors)]
        lengths = [len(array) for array in self.arrays]
        if len(set(lengths)) > 1:
            raise ShapeError(f"TensorDataset: arrays must have the same length, got {', '.join(map(str, lengths))}")

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        return tuple(array[index] for array in self.arrays)


def _checked_array(place: int, given: Any) -> Array:
    try:
        array = array_of(given)
    except ValueError:
        hint = ""
        if isinstance(given, tuple | list) and any(isinstance(part, Tensor | np.ndarray) for part in given):
            hint = "\n  hint: unpack it: TensorDataset(*arrays)"
        raise ShapeError(f"TensorDataset: array {place}, a {type(given).__name__}, is ragged{hint}") from None
    if array.dtype.kind not in "fiub":
        raise DTypeError(f"TensorDataset: array {place} has dtype {array.dtype}, expected numbers or booleans")
    if not array.ndim:
        raise ShapeError(f"TensorDataset: array {place} has shape (), without an axis of items")
    return array


class Subset(Generic[Source]):
    """The items of a dataset at `indices`, in that order; raises IndexError for an index out of range.

    >>> import numpy as np
    >>> Subset(TensorDataset(np.array([5, 6, 7])), [2, 0])[0]
    (np.int64(7),)
    """

    def __init__(self, dataset: Source, indices: Sequence[int] | Array):
        self.dataset = dataset
        given = np.asarray(indices)
        if given.size and given.dtype.kind not in "iu":
            hint = "\n  hint: np.flatnonzero(mask)" if given.dtype.kind == "b" else ""
            raise TypeError(f"Subset: indices must be integers, got {given.dtype}{hint}")
        self.indices = given.astype(np.int64).reshape(-1)
        wrong = self.indices[(self.indices < -len(dataset)) | (self.indices >= len(dataset))]
        if wrong.size:
            raise IndexError(f"Subset: index {int(wrong[0])} of a dataset of {len(dataset)} items")

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: Any) -> Any:
        found = self.indices[index]
        return self.dataset[found if isinstance(found, np.ndarray) else int(found)]


class ConcatDataset:
    """The concatenation of several datasets.

    >>> import numpy as np
    >>> both = ConcatDataset([TensorDataset(np.array([5, 6])), TensorDataset(np.array([7]))])
    >>> len(both), both[2], both[-3]
    (3, (np.int64(7),), (np.int64(5),))
    """

    def __class_getitem__(cls, item: Any) -> Any:  # ConcatDataset[Item], as in PyTorch
        return types.GenericAlias(cls, item)

    def __init__(self, datasets: Iterable[Dataset]):
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset: needs at least one dataset")
        self.cumulative_sizes = list(accumulate(len(dataset) for dataset in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        if not -len(self) <= index < len(self):
            raise IndexError(f"ConcatDataset: index {index} of {len(self)} items")
        index = index % len(self)
        which = bisect.bisect_right(self.cumulative_sizes, index)
        return self.datasets[which][index - (self.cumulative_sizes[which - 1] if which else 0)]


class StackDataset:
    """Datasets of the same length side by side; item i is the tuple of their items i, or with names a dict of them.

    >>> import numpy as np
    >>> StackDataset(a=TensorDataset(np.array([5, 6])), b=["x", "y"])[1]
    {'a': (np.int64(6),), 'b': 'y'}
    """

    def __init__(self, *args: Any, **kwargs: Any):
        self.datasets: Any = kwargs or args
        lengths = {len(dataset) for dataset in (*args, *kwargs.values())}
        if len(lengths) != 1 or (args and kwargs):
            raise ValueError("StackDataset: needs datasets of the same length, either all with names or all without")
        (self._length,) = lengths

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: dataset[index] for name, dataset in self.datasets.items()}
        return tuple(dataset[index] for dataset in self.datasets)


def random_split(
    dataset: Source, lengths: Sequence[float], generator: np.random.Generator | None = None
) -> list[Subset[Source]]:
    """Shuffle a dataset and split it into subsets of the given lengths, or of the given fractions, which add up to 1.

    As in PyTorch, fractions of the length are rounded down, and the remaining items go to the first subsets, one each.
    `generator` draws the permutation; None: the default generator. Raises ValueError for lengths that do not add up.

    >>> import numpy as np
    >>> [len(piece) for piece in random_split(TensorDataset(np.zeros(11)), [0.5, 0.5])]
    [6, 5]
    """
    n = len(dataset)
    if not isinstance(lengths, Iterable):
        raise TypeError(f"random_split: lengths must be a list of lengths or of fractions, got {lengths!r}")
    counts: list[Any] = list(lengths)
    if any(count < 0 for count in counts):
        raise ValueError(f"random_split: lengths must be at least 0, got {counts}")
    if math.isclose(sum(counts), 1):
        counts = [math.floor(n * fraction) for fraction in counts]
        for i in range(n - sum(counts)):
            counts[i % len(counts)] += 1
    if sum(counts) != n or not all(isinstance(count, int | np.integer) for count in counts):
        raise ValueError(f"random_split: lengths {counts} do not add up to the {n} items of the dataset")
    order = (generator or default_generator()).permutation(n)
    ends = list(accumulate(counts, initial=0))
    return [Subset(dataset, order[start:end]) for start, end in pairwise(ends)]
