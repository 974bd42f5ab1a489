"""DataLoader: a dataset in batches."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, overload

import numpy as np

from minigrad.arrays import Array
from minigrad.data.dataset import Dataset, Subset, TensorDataset
from minigrad.errors import DTypeError, ShapeError
from minigrad.random import default_generator
from minigrad.tensors.tensor import Tensor

__all__ = ["DataLoader", "default_collate"]

SHOWN = 8  # indices in a note
RAGGED = "\n  hint: give all of them one shape, by cropping, resizing or padding, or give a collate_fn that does"


if TYPE_CHECKING:
    from typing import TypeAlias

    from typing_extensions import TypedDict, TypeVar, Unpack  # which every checker knows

    from minigrad.data.datasets import MNIST, Digits

    Batch = TypeVar("Batch", default=Any)
    Tuples: TypeAlias = TensorDataset | Subset[TensorDataset] | Digits | MNIST | Subset[Digits] | Subset[MNIST]

    class Options(TypedDict, total=False):
        """The arguments of a DataLoader that do not decide what its batches are."""

        sampler: Iterable[int] | None
        batch_sampler: Iterable[Sequence[int]] | None
        num_workers: int
        pin_memory: bool
        drop_last: bool
        timeout: float
        worker_init_fn: Callable[[int], None] | None
        prefetch_factor: int | None
        persistent_workers: bool
        generator: np.random.Generator | None
        seed: int | None

else:
    from typing import TypeVar

    Batch = TypeVar("Batch")


class DataLoader(Generic[Batch]):
    """The items of a dataset in batches of tensors, shuffled anew for each epoch if asked for.

    With `seed` the epochs are the same every time: each one's order follows from the seed and the epoch's number alone, so
    that one that was broken off does not disturb the next. Without, each is drawn from `generator`, the library's own unless
    given, when it starts. A `sampler` gives the order instead: any iterable of indices; or a `batch_sampler` gives the
    batches: any iterable of lists of indices. `drop_last` leaves out a last batch that is not full; `collate_fn` makes a
    batch of a list of items.

    `num_workers`, `pin_memory` and what else PyTorch asks about its worker processes are accepted so that programs written
    for it run, and change nothing: batches are made in this process when they are asked for.

    Raises TypeError for a dataset without a length or without items by index, ValueError for an empty one or a batch size
    that is no positive integer, for a sampler that is to be shuffled, and for a batch sampler beside what it decides itself.
    What an item, or making a batch of items (see `default_collate`), raises is raised with the indices noted.

    >>> import numpy as np
    >>> from minigrad.data import DataLoader, TensorDataset
    >>> [batch for (batch,) in DataLoader(TensorDataset(np.arange(5)), batch_size=2)]
    [tensor([0, 1]), tensor([2, 3]), tensor([4])]
    """

    @overload
    def __init__(
        self: DataLoader[Batch], dataset: Dataset, batch_size: int = 1, shuffle: bool = False, *,
        collate_fn: Callable[[list[Any]], Batch], **options: Unpack[Options],
    ) -> None: ...  # fmt: skip
    @overload
    def __init__(
        self: DataLoader[tuple[Tensor, ...]], dataset: Tuples, batch_size: int = 1, shuffle: bool = False, *,
        collate_fn: None = None, **options: Unpack[Options],
    ) -> None: ...  # fmt: skip
    @overload
    def __init__(
        self: DataLoader[Any], dataset: Dataset, batch_size: int = 1, shuffle: bool = False, *,
        collate_fn: None = None, **options: Unpack[Options],
    ) -> None: ...  # fmt: skip
    def __init__(
        self,
        dataset: Dataset,
        batch_size: int = 1,
        shuffle: bool = False,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[Sequence[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        generator: np.random.Generator | None = None,
        seed: int | None = None,
    ):
        if isinstance(batch_size, bool) or not isinstance(batch_size, int | np.integer) or batch_size < 1:
            raise ValueError(f"DataLoader: batch_size must be a positive integer, got {batch_size!r}")
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0):
            raise ValueError(f"DataLoader: seed must be an integer of at least 0, got {seed!r}")
        if generator is not None and not isinstance(generator, np.random.Generator):
            raise TypeError(
                f"DataLoader: generator must be a NumPy Generator, got {type(generator).__name__}\n"
                "  hint: minigrad.Generator()"
            )
        _check_dataset(dataset, ordered=sampler is not None or batch_sampler is not None)
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: a sampler gives the order itself\n  hint: leave out shuffle, or the sampler")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError("DataLoader: a batch_sampler decides batch_size, shuffle, sampler and drop_last itself")
        self.dataset = dataset
        self.batch_size = int(batch_size)
        self.shuffle = shuffle
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        self.seed = seed
        self.drop_last = drop_last
        self.collate_fn = collate_fn
        self.epoch = 0  # how many have been started

    def __len__(self) -> int:
        if self.batch_sampler is not None:
            return len(self.batch_sampler)  # type: ignore[arg-type]
        return self._batches(len(self.dataset if self.sampler is None else self.sampler))  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Batch]:
        if self.batch_sampler is not None:
            self.epoch += 1
            return (self._batch(_indices("batch_sampler", batch)) for batch in self.batch_sampler)
        order = self._order()
        self.epoch += 1
        starts = range(0, self._batches(len(order)) * self.batch_size, self.batch_size)
        return (self._batch(order[start : start + self.batch_size]) for start in starts)

    def _batches(self, items: int) -> int:
        full, rest = divmod(items, self.batch_size)
        return full if self.drop_last or not rest else full + 1

    def _order(self) -> Any:
        if self.sampler is not None:
            return _indices("sampler", self.sampler)
        if not self.shuffle:
            return np.arange(len(self.dataset))
        source = self.generator or default_generator()
        if self.seed is not None:
            source = np.random.default_rng([self.seed, self.epoch])
        return source.permutation(len(self.dataset))

    def _batch(self, indices: Any) -> Any:
        dataset: Any = self.dataset
        while isinstance(dataset, Subset):
            dataset, indices = dataset.dataset, dataset.indices[indices]
        if isinstance(dataset, TensorDataset) and self.collate_fn is None:  # whole arrays at once
            return tuple(Tensor.from_array(np.ascontiguousarray(array[indices])) for array in dataset.arrays)
        items = []
        for index in indices.tolist():
            try:
                items.append(dataset[index])
            except Exception as error:
                error.add_note(f"DataLoader: raised by item {index} of the dataset")
                raise
        try:
            return default_collate(items) if self.collate_fn is None else self.collate_fn(items)
        except Exception as error:
            shown = ", ".join(map(str, indices[:SHOWN].tolist())) + ", ..." * (len(indices) > SHOWN)
            error.add_note(f"DataLoader: raised while the items {shown} of the dataset were made a batch")
            raise


def default_collate(batch: Sequence[Any]) -> Any:
    """Items as a batch: tuples and dicts of batches, texts as a list, numbers and arrays as a tensor with a new first axis.

    Raises ShapeError for arrays of several shapes, DTypeError for an item of another kind than the first, or of none of
    these; both name the item.

    >>> default_collate([(1.0, "a"), (2.0, "b")])
    (tensor([1., 2.]), ['a', 'b'])
    """
    return _collated(list(batch), "")


def _collated(items: list[Any], part: str) -> Any:
    """A batch of the parts `part`, such as "[0]", of the items of `default_collate`."""
    if not items:
        raise ValueError("default_collate: there are no items")
    first = items[0]
    for i, item in enumerate(items):
        if _kind(item) is None or _kind(item) != _kind(first):
            beside = "" if i == 0 or _kind(item) is None else f", item 0{part} of type {type(first).__name__}"
            raise DTypeError(
                f"default_collate: item {i}{part} is of type {type(item).__name__}{beside}; a batch is made of tensors, "
                "arrays, numbers and texts, and of tuples, lists and dicts of these\n"
                "  hint: convert it in the dataset's __getitem__, or give a collate_fn"
            )
    if isinstance(first, tuple | list):
        odd = next((i for i, item in enumerate(items) if len(item) != len(first)), None)
        if odd is not None:
            raise ShapeError(
                f"default_collate: item {odd}{part} is a {type(first).__name__} of length {len(items[odd])}, "
                f"item 0{part} of length {len(first)}{RAGGED}"
            )
        return tuple(_collated([item[j] for item in items], f"{part}[{j}]") for j in range(len(first)))
    if isinstance(first, Mapping):
        for i, item in enumerate(items):
            if item.keys() != first.keys():
                raise ValueError(
                    f"default_collate: item {i}{part} has the keys {', '.join(map(repr, item))}, "
                    f"item 0{part} {', '.join(map(repr, first))}"
                )
        return {key: _collated([item[key] for item in items], f"{part}[{key!r}]") for key in first}
    if isinstance(first, str | bytes):
        return items
    if all(isinstance(item, int | float) for item in items):
        return Tensor(items)
    arrays = [item.array if isinstance(item, Tensor) else np.asarray(item) for item in items]
    odd = next((i for i, array in enumerate(arrays) if array.shape != arrays[0].shape), None)
    if odd is not None:
        raise ShapeError(
            f"default_collate: item {odd}{part} has shape {arrays[odd].shape}, item 0{part} {arrays[0].shape}{RAGGED}"
        )
    return Tensor(np.stack(arrays))


def _kind(item: Any) -> str | None:
    """What an item is to `default_collate`: items of one kind make a batch, those of no kind none."""
    if isinstance(item, str | bytes):
        return "text"
    if isinstance(item, tuple | list):
        return "sequence"
    if isinstance(item, Mapping):
        return "dict"
    return "number" if isinstance(item, int | float | Tensor | np.ndarray | np.generic) else None


def _indices(what: str, given: Iterable[Any]) -> Array:
    """The indices that a sampler gives; raises TypeError for what is no integer."""
    indices = []
    for index in given:
        try:
            indices.append(operator.index(index))
        except TypeError:
            raise TypeError(f"DataLoader: the {what} must give integers, it gave {index!r}") from None
    return np.array(indices, np.int64)


def _check_dataset(dataset: Any, ordered: bool) -> None:
    """Refuse what has no items by index, and, unless a sampler gives the order, what has no length or is empty."""
    if isinstance(dataset, type):
        raise TypeError(
            f"DataLoader: the dataset is the class {dataset.__name__}\n  hint: make one: {dataset.__name__}(...)"
        )
    kind = type(dataset)
    needed = ["__getitem__", *(() if ordered else ("__len__",))]
    for name in needed:
        if getattr(kind, name, None) in (None, getattr(Dataset, name)):
            hint = "\n  hint: return the number of items, or give a sampler" if name == "__len__" else ""
            if name == "__getitem__" and hasattr(kind, "__iter__"):
                hint = "\n  hint: make a list of it"
            raise TypeError(
                f"DataLoader: the dataset, a {kind.__name__}, does not define {name}(); needed: {' and '.join(needed)}{hint}"
            )
    if not ordered and not len(dataset):
        raise ValueError("DataLoader: the dataset is empty")
