"""DataLoader: iterate over a dataset in batches."""

from __future__ import annotations

import copy
import itertools
import math
import multiprocessing
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, overload

import numpy as np

from minigrad.arrays import Array
from minigrad.data.fetching import Fetcher
from minigrad.data.map_style import Dataset, Subset, TensorDataset
from minigrad.data.samplers import BatchSampler
from minigrad.data.streams import IterableDataset
from minigrad.data.workers import Workers
from minigrad.kernels.checks import positive_int
from minigrad.random import default_generator
from minigrad.tensors.tensor import Tensor

__all__ = ["DataLoader"]


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
    * `num_workers`: processes that make the batches while this one computes; 0: this process makes them, on demand. The
      order is the same. Each worker has a copy of the dataset and random numbers of its own: NumPy's, Python's and
      minigrad's generators start from `get_worker_info().seed`, which follows from the generator's state or `seed`, the
      epoch and the worker. Where Python starts processes by "spawn" or "forkserver", what the workers get must be
      picklable, and the program's own lines stand under ``if __name__ == "__main__":``.
    * `worker_init_fn`: a function of the worker's number that is called in each worker first; `prefetch_factor`: batches
      requested in advance for each worker (2); `persistent_workers`: keep the processes for the next epoch; `timeout`:
      seconds to wait for a batch (0: no limit); `in_order`: False takes batches as they are finished;
      `multiprocessing_context`: a context of `multiprocessing` or its name.
    * `pin_memory`, `pin_memory_device`: accepted for compatibility with PyTorch and ignored.

    Raises TypeError for a dataset without a length or without items by index; ValueError for an empty dataset, a batch size
    below 1, `shuffle` together with a sampler or a stream, a batch sampler together with an option that it replaces, or an
    option of workers without any. An exception raised by an item, or while a batch is made, gets a note with the indices;
    from a worker it comes with the traceback there. RuntimeError if a worker is killed, or after the timeout.

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
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers, multiprocessing_context)
        self.dataset, self.batch_size, self.shuffle, self.drop_last = dataset, batch_size, shuffle, drop_last
        self.sampler, self.batch_sampler, self.collate_fn = sampler, batch_sampler, collate_fn
        self.generator, self.seed = generator, seed
        self.num_workers, self.worker_init_fn, self.timeout = num_workers, worker_init_fn, timeout
        self.multiprocessing_context, self.persistent_workers = multiprocessing_context, persistent_workers
        self.prefetch_factor, self.in_order = 2 if prefetch_factor is None else prefetch_factor, in_order
        self._workers: Workers | None = None  # that wait for the next epoch
        self.divide: Callable[[Iterator[Any]], Iterator[Any]] | None = (
            None  # of several ranks: leaves the indices of its own
        )
        self.epoch = 0  # the number of epochs started

    def __len__(self) -> int:
        if self.batch_sampler is not None:
            return len(self.batch_sampler)  # type: ignore[arg-type]
        return self._batches(len(self.dataset if self.sampler is None else self.sampler))  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Batch]:
        fetcher, stream = Fetcher(self.dataset, self.collate_fn), isinstance(self.dataset, IterableDataset)
        seed = self._worker_seed() if self.num_workers else 0
        requests: Iterator[Any]
        if stream:
            requests = itertools.repeat(None)
        elif self.batch_sampler is not None:
            requests = (_indices("batch_sampler", batch) for batch in self.batch_sampler)
        elif self.sampler is not None:  # one batch at a time: a sampler may be long
            batches = BatchSampler(self.sampler, self.batch_size, self.drop_last)
            requests = (_indices("sampler", batch) for batch in batches)
        else:
            order = self._order()
            starts = range(0, self._batches(len(order)) * self.batch_size, self.batch_size)
            requests = (order[start : start + self.batch_size] for start in starts)
        self.epoch += 1
        if self.divide is not None and not stream:
            requests = self.divide(requests)
        if self.num_workers:
            return self._made_by_workers(fetcher, requests, seed)
        return fetcher.stream(self.batch_size, self.drop_last) if stream else map(fetcher.batch, requests)

    def _made_by_workers(self, fetcher: Fetcher, requests: Iterator[Any], seed: int) -> Iterator[Any]:
        stream = (self.batch_size, self.drop_last) if isinstance(self.dataset, IterableDataset) else None
        workers, self._workers = self._workers, None  # an iteration beside another one starts its own
        if workers is None:
            workers = Workers(
                fetcher, self.num_workers, seed, stream=stream, initialize=self.worker_init_fn,
                context=self.multiprocessing_context,
            )  # fmt: skip
        return self._received(workers, requests)

    def _received(self, workers: Workers, requests: Iterator[Any]) -> Iterator[Any]:
        intact = False
        try:
            yield from workers.batches(requests, self.prefetch_factor, self.timeout, self.in_order)
            intact = True
        except GeneratorExit:  # the loop was left early
            intact = True
            raise
        finally:
            if intact and self.persistent_workers and self._workers is None:
                self._workers = workers
            else:
                workers.close()

    def _worker_seed(self) -> int:
        """Return the seed of the first worker, from the state of the generator, which does not advance, and the epoch."""
        source = copy.deepcopy(self.generator or default_generator())
        start = self.seed if self.seed is not None else int(source.integers(2**63))
        return int(np.random.default_rng([start, self.epoch]).integers(2**62))

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


def _indices(what: str, given: Iterable[Any]) -> Array:
    """Return the indices that a sampler yields as an array; raise TypeError for other types."""
    indices = []
    for index in given:
        try:
            indices.append(operator.index(index))
        except TypeError:
            raise TypeError(f"DataLoader: the {what} must yield integers, got {index!r}") from None
    return np.array(indices, np.int64)


def _check_workers(number: Any, timeout: Any, prefetch: Any, persistent: bool, context: Any) -> None:
    """Raise for numbers of the wrong kind, and for an option of workers without any, as in PyTorch."""
    if isinstance(number, bool) or not isinstance(number, int | np.integer):
        raise TypeError(f"DataLoader: num_workers must be an int, got {number!r}")
    if number < 0:
        raise ValueError(f"DataLoader: num_workers must be at least 0, got {number}")
    if not isinstance(timeout, int | float) or not 0 <= timeout < math.inf:
        raise ValueError(f"DataLoader: timeout must be a number of seconds of at least 0, got {timeout!r}")
    if prefetch is not None:
        positive_int("DataLoader", "prefetch_factor", prefetch)
    methods = multiprocessing.get_all_start_methods()
    if isinstance(context, str) and context not in methods:
        raise ValueError(
            f"DataLoader: multiprocessing_context must be a context or one of {', '.join(methods)}, got {context!r}"
        )
    options = {
        "timeout": timeout, "prefetch_factor": prefetch, "persistent_workers": persistent, "multiprocessing_context": context
    }  # fmt: skip
    for name, value in options.items():
        if value and not number:
            raise ValueError(f"DataLoader: {name}={value!r} is about workers, and there are none\n  hint: num_workers=2")


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
