"""The parts of training that several ranks do together: shares of batches, sums over ranks, random numbers of each rank."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minigrad.data.shares import shared_batches
from minigrad.distributed import all_reduce, barrier, broadcast, broadcast_object_list, get_rank
from minigrad.distributed.process_group import is_first, is_joined
from minigrad.distributed.reducer import Reducer
from minigrad.nn import Module
from minigrad.tensors.tensor import Tensor
from minigrad.training.metrics import totals
from minigrad.training.rng_state import reachable_generators, seed_generators

__all__ = ["Together", "first_before_others", "from_first", "sums"]


class Together:
    """Training of one network by several ranks, with the batches that one process would have.

    Gradients are weighted by the number of a rank's examples, so that their sum is the gradient of the mean over the batch,
    also where the shares are unequal. Every rank but the first draws its random numbers (dropout, augmentation) from states
    that depend on the epoch's start on rank 0, the batch and the rank: a checkpoint of rank 0 is enough to continue.
    """

    def __init__(self, network: Module):
        self.network = network
        self.reducer = Reducer([*network.named_parameters()], [*network.named_buffers()], owner="Trainer")
        self.examples = 0  # of the present batch, on this rank

    def batches(self, loader: Iterable[Any], key: int, *owners: Any) -> Iterator[tuple[Any, Any]]:
        """Yield this rank's share of each batch; `key` is that of rank 0, and `owners` have the random generators."""
        shares, rank, key = shared_batches(loader), get_rank(), from_first(key)
        generators = [] if rank == 0 else reachable_generators(owners)
        for number in itertools.count():
            seed_generators(generators, key, number, rank)
            share = next(shares, None)
            if share is None:
                return
            (x, t), self.examples, count = share
            self.reducer.weight = self.examples / count
            yield x, t

    def step_totals(self, loss: float, right: int, interrupted: bool) -> tuple[float, int, int, bool]:
        """Return loss and hits of the whole batch, its number of images, and whether any rank was interrupted."""
        own = self.examples
        total, hits, images, flag = sums(loss * own if own else 0.0, right if own else 0, own, interrupted)
        return total / images, int(hits), int(images), flag > 0

    def evaluate(self, loader: Iterable[Any]) -> tuple[float, float]:
        """Return mean loss and accuracy, each rank on its share, with the buffers (running statistics) of rank 0."""
        for buffer in self.network.buffers():
            broadcast(buffer)
        shares = (batch for batch, examples, _ in shared_batches(loader) if examples)
        loss, right, seen = sums(*totals(self.network, shares))
        if not seen:
            raise ValueError("evaluate: no images")
        return loss / seen, right / seen


def sums(*values: float) -> list[float]:
    """Return the sums over the ranks."""
    tensor = Tensor.from_array(np.array(values, np.float64))
    all_reduce(tensor)
    found: list[float] = tensor.tolist()
    return found


@contextmanager
def first_before_others() -> Iterator[None]:
    """Run a ``with`` block on rank 0 and, once it has succeeded, on the others: for downloads, and errors said once."""
    if is_joined() and not is_first():
        barrier()
    yield
    if is_joined() and is_first():
        barrier()


def from_first(value: Any) -> Any:
    """Return the value that rank 0 gives."""
    if not is_joined():
        return value
    values = [value if is_first() else None]
    broadcast_object_list(values)
    return values[0]
