"""DataLoader: every item once, in an order that a seed fixes."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import DataLoader, IterableDataset, TensorDataset
from minigrad.errors import ShapeError

TEN = TensorDataset(np.arange(10), np.arange(10) * 2.0)


def epoch(loader):
    return [x.tolist() for x, _ in loader]


def items(batches):
    return sorted(i for batch in batches for i in batch)


def test_batches_in_order():
    loader = DataLoader(TEN, batch_size=4)
    assert epoch(loader) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]] and len(loader) == 3
    loader = DataLoader(TEN, batch_size=4, drop_last=True)
    assert [len(b) for b in epoch(loader)] == [4, 4] and len(loader) == 2
    assert all((y == 2 * x).all() for x, y in DataLoader(TEN, batch_size=3, shuffle=True))


def test_every_epoch_is_shuffled_anew_and_holds_every_item():
    loader = DataLoader(TEN, batch_size=3, shuffle=True, seed=5)
    first, second = epoch(loader), epoch(loader)
    assert first != second and items(first) == items(second) == list(range(10))
    again = DataLoader(TEN, batch_size=3, shuffle=True, seed=5)
    assert epoch(again) == first and epoch(again) == second


def test_an_abandoned_epoch_does_not_disturb_the_next():
    whole, broken = (DataLoader(TEN, batch_size=2, shuffle=True, seed=1) for _ in range(2))
    epoch(whole)
    next(iter(broken))
    assert epoch(whole) == epoch(broken)


def test_without_a_seed_the_librarys_generator_decides():
    def orders(loader):
        mg.manual_seed(3)
        return epoch(loader), epoch(loader)

    loader = DataLoader(TEN, batch_size=10, shuffle=True)
    first, second = orders(loader)
    assert (first, second) == orders(DataLoader(TEN, batch_size=10, shuffle=True)) and first != second
    assert (first, second) == orders(loader)  # the generator alone, not what the loader has given before


def test_numpys_global_state_is_left_alone():
    before = np.random.get_state()[1].copy()
    epoch(DataLoader(TEN, batch_size=3, shuffle=True))
    assert (np.random.get_state()[1] == before).all()


class Pairs:
    def __len__(self):
        return 4

    def __getitem__(self, i):
        if i == 3:
            raise KeyError("lost")
        return {"a": i}["a"], (mg.tensor([i, i + 1]), 0.5 * i)


def test_items_of_any_dataset_are_collated_by_kind():
    loader = iter(DataLoader(Pairs(), batch_size=3))
    i, (pairs, halves) = next(loader)
    assert i.tolist() == [0, 1, 2] and pairs.tolist() == [[0, 1], [1, 2], [2, 3]]
    assert halves.tolist() == [0, 0.5, 1] and halves.dtype == np.float32
    with pytest.raises(KeyError) as error:
        next(loader)
    assert "item 3 of the dataset" in error.value.__notes__[0]
    assert next(iter(DataLoader(Pairs(), batch_size=2, collate_fn=len))) == 2


@pytest.mark.parametrize("size", [0, -1, 2.5, True, "4", None])
def test_a_batch_size_is_a_positive_integer(size):
    with pytest.raises(ValueError, match="batch_size must be an int of at least 1"):
        DataLoader(TEN, batch_size=size)


def test_what_datasets_refuse():
    with pytest.raises(ValueError, match="empty"):
        DataLoader(TensorDataset(np.zeros((0, 3))))
    with pytest.raises(ShapeError, match="the same length, got 2, 3"):
        TensorDataset(np.zeros(2), mg.zeros(3))
    with pytest.raises(ValueError, match="at least one"):
        TensorDataset()
    with pytest.raises(ShapeError, match=r"array 0 has shape \(\)"):
        TensorDataset(np.float64(3))


class Stream(IterableDataset):
    def __init__(self, count):
        self.count = count

    def __iter__(self):
        return ((np.full(2, n), n % 3) for n in range(self.count))


def test_a_stream_is_read_in_its_order():
    loader = DataLoader(Stream(5), batch_size=2)
    for _ in range(2):  # every epoch starts it again
        assert [y.tolist() for _, y in loader] == [[0, 1], [2, 0], [1]]
    assert [x.shape for x, _ in DataLoader(Stream(5), batch_size=2, drop_last=True)] == [(2, 2)] * 2
    assert list(DataLoader(Stream(3), batch_size=3, collate_fn=len)) == [3] and list(DataLoader(Stream(0))) == []
    assert loader.epoch == 2
    for options in ({"shuffle": True}, {"sampler": [0]}, {"batch_sampler": [[0]]}):
        with pytest.raises(ValueError, match="an IterableDataset decides the order itself"):
            DataLoader(Stream(5), **options)
    with pytest.raises(TypeError, match="len"):
        len(loader)
    with pytest.raises(NotImplementedError, match="IterableDataset does not define __iter__"):
        iter(IterableDataset())
