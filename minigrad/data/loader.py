"""DataLoader: iterate over a dataset in batches."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, overload

import numpy as np

from minigrad.arrays import Array, array_of
from minigrad.data.map_style import Dataset, Subset, TensorDataset
from minigrad.data.samplers import BatchSampler
from minigrad.data.streams import IterableDataset
from minigrad.errors import DTypeError, ShapeError
from minigrad.kernels.checks import positive_int
from minigrad.random import default_generator
from minigrad.tensors.tensor import Tensor, tensor

__all__ = ["DataLoader", "default_collate", "default_convert"]

SHOWN = 8  # indices in a note
# The kinds of items of which `default_collate` makes batches; the items of a batch are of one kind.
KINDS: tuple[Any, ...] = (str | bytes, tuple | list, Mapping, int | float | Tensor | np.ndarray | np.generic)
RAGGED = "\n  hint: give all of them one shape, by cropping, resizing or padding, or give a collate_fn that does"


if TYPE_CHECKING:
    from typing import TypeAlias

    from typing_extensions import TypedDict, TypeVar, Unpack  # which every checker knows

    from minigrad.data.datasets import MNIST, Digits

    Batch = TypeVar("Batch", default=Any)
    Tuples: TypeAlias = TensorDataset | Subset[TensorDataset] | Digits | MNIST | Subset[Digits] | Subset[MNIST]

    class Options(TypedDict, total=False):
        """The DataLoader options that do not affect the type of a batch."""

        sampler: Iterable[int] | None
        batch_sampler: Iterable[Sequence[int]] | None
        num_workers: int
        pin_memory: bool
        drop_last: bool
        timeout: float
        worker_init_fn: Callable[[int], None] | None
        multiprocessing_context: Any
        generator: np.random.Generator | None
        prefetch_factor: int | None
        persistent_workers: bool
        pin_memory_device: str
        in_order: bool
        seed: int | None

else:
    from typing import TypeVar

    Batch = TypeVar("Batch")


class DataLoader(Generic[Batch]):
    """Iterable over the batches of a dataset, as tensors; with `shuffle` in a new random order for each epoch.

    * `dataset`: an object with `__len__` and `__getitem__`; see `Dataset`. An `IterableDataset` decides the order itself.
    * `batch_size`: items in a batch; `drop_last` omits a last batch that is smaller.
    * `sampler`: an iterable of indices that decides the order; `batch_sampler`: an iterable of lists of indices that decides
      the batches.
    * `collate_fn`: a function that makes a batch from a list of items; None: `default_collate`.
    * `seed`: makes the order of an epoch a function of the seed and the epoch's number alone, so that an interrupted epoch
      does not affect the next. Without a seed, the order is drawn from `generator` when the epoch starts (None: the default
      generator).
    * `num_workers`, `pin_memory`, `timeout`, `worker_init_fn`, `multiprocessing_context`, `prefetch_factor`,
      `persistent_workers`, `pin_memory_device`, `in_order`: accepted for compatibility with PyTorch and ignored; batches are
      made in this process, on demand.

    Raises TypeError for a dataset without a length or without items by index; ValueError for an empty dataset, a batch size
    below 1, `shuffle` together with a sampler or a stream, or a batch sampler together with an option that it replaces. An
    exception raised by an item, or while a batch is made, gets a note with the indices.

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
        multiprocessing_context: Any = None,
        generator: np.random.Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
        seed: int | None = None,
    ):
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0):
            raise ValueError(f"DataLoader: seed must be an int of at least 0, got {seed!r}")
        if generator is not None and not isinstance(generator, np.random.Generator):
            raise TypeError(
                f"DataLoader: generator must be a NumPy Generator, got {type(generator).__name__}\n"
                "  hint: minigrad.Generator()"
            )
        batch_size = positive_int("DataLoader", "batch_size", batch_size)
        if isinstance(dataset, IterableDataset):
            if shuffle or sampler is not None or batch_sampler is not None:
                raise ValueError(
                    "DataLoader: an IterableDataset decides the order itself\n  hint: omit shuffle and samplers"
                )
        else:
            _check_dataset(dataset, ordered=sampler is not None or batch_sampler is not None)
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: a sampler decides the order itself\n  hint: omit shuffle, or the sampler")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError("DataLoader: a batch_sampler decides batch_size, shuffle, sampler and drop_last itself")
        self.dataset, self.batch_size, self.shuffle, self.drop_last = dataset, batch_size, shuffle, drop_last
        self.sampler, self.batch_sampler, self.collate_fn = sampler, batch_sampler, collate_fn
        self.generator, self.seed = generator, seed
        self.epoch = 0  # the number of epochs started

    def __len__(self) -> int:
        if self.batch_sampler is not None:
            return len(self.batch_sampler)  # type: ignore[arg-type]
        return self._batches(len(self.dataset if self.sampler is None else self.sampler))  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Batch]:
        if isinstance(self.dataset, IterableDataset):
            self.epoch += 1
            return map(self._collate, BatchSampler(self.dataset, self.batch_size, self.drop_last))
        return map(self._batch, self._index_batches())

    def _index_batches(self) -> Iterator[Array]:
        """Start an epoch; return an iterator over the indices of each batch."""
        if self.batch_sampler is not None:
            self.epoch += 1
            return (_indices("batch_sampler", batch) for batch in self.batch_sampler)
        if self.sampler is not None:  # one batch at a time: a sampler may be long
            self.epoch += 1
            batches = BatchSampler(self.sampler, self.batch_size, self.drop_last)
            return (_indices("sampler", batch) for batch in batches)
        order = self._order()
        self.epoch += 1
        starts = range(0, self._batches(len(order)) * self.batch_size, self.batch_size)
        return (order[start : start + self.batch_size] for start in starts)

    def _batches(self, items: int) -> int:
        full, rest = divmod(items, self.batch_size)
        return full if self.drop_last or not rest else full + 1

    def _order(self) -> Any:
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
            return self._collate(items)
        except Exception as error:
            shown = ", ".join(map(str, indices[:SHOWN].tolist())) + ", ..." * (len(indices) > SHOWN)
            error.add_note(f"DataLoader: raised while a batch was made of the items {shown} of the dataset")
            raise

    def _collate(self, items: list[Any]) -> Any:
        return default_collate(items) if self.collate_fn is None else self.collate_fn(items)


def default_convert(data: Any) -> Any:
    """Return an item with its arrays as tensors, also in tuples, lists and dicts: for ``DataLoader(collate_fn=...)``.

    >>> import numpy as np
    >>> default_convert((np.zeros(1), "a"))
    (tensor([0.], dtype=float64), 'a')
    """
    if isinstance(data, np.ndarray | np.generic):
        return tensor(data)
    if isinstance(data, Mapping):
        return {key: default_convert(value) for key, value in data.items()}
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*map(default_convert, data))
    return type(data)(map(default_convert, data)) if isinstance(data, tuple | list) else data


def default_collate(batch: Sequence[Any]) -> Any:
    """Make a batch of items: numbers and arrays become a tensor with a new first axis, strings a list.

    Tuples, lists and dicts become tuples and dicts of batches. Raises ShapeError for arrays of different shapes, DTypeError
    for an item of another kind than the first, or of an unsupported type; the message names the item.

    >>> default_collate([(1.0, "a"), (2.0, "b")])
    (tensor([1., 2.]), ['a', 'b'])
    """
    return _collated(list(batch), "")


def _collated(items: list[Any], part: str) -> Any:
    """Return a batch of corresponding parts of items; `part`, such as "[0]", names them in messages."""
    if not items:
        raise ValueError("default_collate: there are no items")
    first = items[0]
    kind = next((types for types in KINDS if isinstance(first, types)), ())
    odd = _first_odd(items, lambda item: isinstance(item, kind), True)
    if odd is not None:
        supported = any(isinstance(items[odd], types) for types in KINDS)
        beside = f", item 0{part} of type {type(first).__name__}" if supported else ""
        raise DTypeError(
            f"default_collate: item {odd}{part} is of type {type(items[odd]).__name__}{beside}; a batch is made of tensors, "
            "arrays, numbers and strings, and of tuples, lists and dicts of these\n"
            "  hint: convert it in the dataset's __getitem__, or give a collate_fn"
        )
    if isinstance(first, str | bytes):
        return items
    if isinstance(first, tuple | list):
        odd = _first_odd(items, len, len(first))
        if odd is not None:
            raise ShapeError(
                f"default_collate: item {odd}{part} is a {type(first).__name__} of length {len(items[odd])}, "
                f"item 0{part} of length {len(first)}{RAGGED}"
            )
        return tuple(_collated([item[j] for item in items], f"{part}[{j}]") for j in range(len(first)))
    if isinstance(first, Mapping):
        odd = _first_odd(items, lambda item: item.keys(), first.keys())
        if odd is not None:
            keys, known = (", ".join(map(repr, item)) for item in (items[odd], first))
            raise ValueError(f"default_collate: item {odd}{part} has the keys {keys}, item 0{part} {known}")
        return {key: _collated([item[key] for item in items], f"{part}[{key!r}]") for key in first}
    if all(isinstance(item, int | float) for item in items):
        return tensor(items)
    arrays = [array_of(item) for item in items]
    odd = _first_odd(arrays, np.shape, arrays[0].shape)
    if odd is not None:
        found, wanted = arrays[odd].shape, arrays[0].shape
        raise ShapeError(f"default_collate: item {odd}{part} has shape {found}, item 0{part} {wanted}{RAGGED}")
    return tensor(np.stack(arrays))


def _first_odd(items: list[Any], of: Callable[[Any], Any], wanted: Any) -> int | None:
    """Return the index of the first item of which a property differs from the wanted one."""
    return next((i for i, item in enumerate(items) if of(item) != wanted), None)


def _indices(what: str, given: Iterable[Any]) -> Array:
    """Return the indices that a sampler yields as an array; raise TypeError for other types."""
    indices = []
    for index in given:
        try:
            indices.append(operator.index(index))
        except TypeError:
            raise TypeError(f"DataLoader: the {what} must yield integers, got {index!r}") from None
    return np.array(indices, np.int64)


def _check_dataset(dataset: Any, ordered: bool) -> None:
    """Raise unless the dataset has items by index and, unless a sampler decides the order, a positive length."""
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
