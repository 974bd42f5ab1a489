"""The parts of a batch that several ranks get, put together, are the batch of one process; the ranks run one after another.

With processes of their own they run in tests/distributed.
"""

import sys

import numpy as np
import pytest

from minigrad.data import DataLoader, IterableDataset, TensorDataset, shares

N = 23


class Count(IterableDataset):
    def __iter__(self):
        return ((np.array([n, -n]), n) for n in range(N))


class Unread:
    """What no rank but the first may read."""

    def __iter__(self):
        raise AssertionError("read")


def arrays(**options):
    x = np.arange(2.0 * N).reshape(N, 2)
    return DataLoader(TensorDataset(x, np.arange(N)), batch_size=5, shuffle=True, seed=3, **options)


LOADERS = {
    "arrays": arrays,
    "the last batch left out": lambda: arrays(drop_last=True),
    "workers": lambda: arrays(num_workers=2, multiprocessing_context="fork"),
    "stream": lambda: DataLoader(Count(), batch_size=4),
    "any iterable": lambda: [(np.arange(n) + 10 * n, np.arange(n)) for n in (5, 1, 3)],
}


FORKED = pytest.param("workers", 2, marks=pytest.mark.skipif(sys.platform == "win32", reason="processes are forked"))


def shared_among(ranks, make, monkeypatch):
    """What each rank gets; what the first sends is what the others receive."""
    sent = []
    for rank in range(ranks):
        received = iter(sent)

        def broadcast(values, rank=rank, received=received):
            if rank == 0:
                sent.append(values[0])
            else:
                assert values == [None]
                values[0] = next(received)

        monkeypatch.setattr(shares, "get_world_size", lambda: ranks)
        monkeypatch.setattr(shares, "get_rank", lambda rank=rank: rank)
        monkeypatch.setattr(shares, "broadcast_object_list", broadcast)
        loader = make()
        if rank and not isinstance(loader, DataLoader):
            loader = Unread()
        yield [*shares.shared_batches(loader)]
        assert rank == 0 or [*received] == []
        assert getattr(loader, "divide", None) is None


@pytest.mark.parametrize("kind, ranks", [*((k, n) for k in LOADERS if k != "workers" for n in (1, 2, 3, 7)), FORKED])
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
def test_the_parts_of_a_batch_make_the_batch(kind, ranks, monkeypatch):
    whole = list(LOADERS[kind]())
    found = list(shared_among(ranks, LOADERS[kind], monkeypatch))
    assert {len(batches) for batches in found} == {len(whole)}
    for batch, *parts in zip(whole, *found, strict=True):
        count = len(batch[0])
        assert all(total == count for _, _, total in parts)
        sizes = [examples for _, examples, _ in parts]
        assert sum(sizes) == count and max(sizes) - min(sizes) <= 1
        for at, wanted in enumerate(map(np.asarray, batch)):
            shared = [(np.asarray(part[at]), size) for part, size, _ in parts]
            assert all(len(part) == (size or count) for part, size in shared)
            assert (np.concatenate([part for part, size in shared if size]) == wanted).all()
            assert all((part == wanted).all() for part, size in shared if not size)


def test_a_loader_that_is_left_early_divides_no_longer(monkeypatch):
    monkeypatch.setattr(shares, "broadcast_object_list", lambda values: None)
    monkeypatch.setattr(shares, "get_world_size", lambda: 2)
    monkeypatch.setattr(shares, "get_rank", lambda: 0)
    loader = arrays()
    parts = shares.shared_batches(loader)
    (x, _), examples, count = next(parts)
    assert (len(x), examples, count) == (2, 2, 5)
    parts.close()
    assert len(next(iter(loader))[0]) == 5


def test_batches_must_keep_their_order():
    loader = arrays(num_workers=1, in_order=False, multiprocessing_context="fork")
    with pytest.raises(ValueError, match="in_order=False would mix up the shares"):
        next(shares.shared_batches(loader))
