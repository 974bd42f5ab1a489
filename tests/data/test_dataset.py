"""Datasets made of datasets, samplers, and what the loader makes of them."""

import importlib
import itertools
from collections import Counter

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    random_split,
)  # fmt: skip

TEN = TensorDataset(np.arange(10))


class Squares(Dataset):
    def __len__(self):
        return 5

    def __getitem__(self, i):
        return i * i


def taken(loader):
    return [int(i) for batch in loader for i in (batch[0] if isinstance(batch, tuple) else batch)]


def rng(seed=0):
    return np.random.default_rng(seed)


def test_a_subset_has_its_own_numbering():
    subset = Subset(Subset(TEN, [9, 7, 5, 3]), [-1, 0, 0])
    assert len(subset) == 3 and [subset[i][0] for i in range(3)] == [3, 9, 9]
    assert Subset(Squares(), [4])[0] == 16
    x, t = Subset(TensorDataset(np.arange(10.0), np.arange(10)), [9, 7, 5])[[2, 0]]  # several at once, where the dataset can
    assert x.tolist() == [5, 9] and t.tolist() == [5, 9]
    assert taken(DataLoader(subset, batch_size=2)) == [3, 9, 9]  # whole arrays at once, through both
    with pytest.raises(IndexError, match="index 10 of a dataset of 10 items"):
        Subset(TEN, [0, 10])
    with pytest.raises(IndexError, match="index -11"):
        Subset(TEN, [-11])


def test_concatenation():
    both = ConcatDataset([Squares(), Subset(Squares(), []), Subset(Squares(), [1, 2])])
    assert len(both) == 7 and [both[i] for i in range(-7, 7)] == 2 * [0, 1, 4, 9, 16, 1, 4]
    assert taken(DataLoader(both, batch_size=4)) == [0, 1, 4, 9, 16, 1, 4]
    for index in (7, -8):
        with pytest.raises(IndexError, match=f"index {index} of 7 items"):
            both[index]
    with pytest.raises(ValueError, match="at least one"):
        ConcatDataset([])


@pytest.mark.parametrize(
    "lengths, counts",
    [([3, 7], [3, 7]), ([0.25, 0.25, 0.5], [3, 2, 5]), ([1 / 3] * 3, [4, 3, 3]), ([0, 10], [0, 10]), ([1.0], [10])],
)
def test_a_split_gives_every_item_once(lengths, counts):
    pieces = random_split(TEN, lengths, rng())
    assert [len(piece) for piece in pieces] == counts
    items = [int(piece[i][0]) for piece in pieces for i in range(len(piece))]
    assert sorted(items) == list(range(10)) and items != sorted(items)
    again = random_split(TEN, lengths, rng())
    assert all((a.indices == b.indices).all() for a, b in zip(pieces, again, strict=True))


@pytest.mark.parametrize("lengths", [[3, 6], [0.5, 0.6], [11, -1], [2.5, 7.5], [0.2, 0.2], [3.0, 7]])
def test_a_split_must_add_up(lengths):
    with pytest.raises(ValueError, match="random_split"):
        random_split(TEN, lengths)


def test_the_shares_are_pytorchs():
    torch = pytest.importorskip("torch")
    for lengths in ([0.25, 0.25, 0.5], [1 / 3] * 3, [0.15, 0.85], [0.0625] * 16):
        theirs = torch.utils.data.random_split(list(range(17)), lengths)
        ours = random_split(Subset(Squares(), [0] * 17), lengths)
        assert [len(piece) for piece in ours] == [len(piece) for piece in theirs]


def test_samplers():
    assert list(SequentialSampler(TEN)) == list(range(10))
    order = list(RandomSampler(TEN, generator=rng()))
    assert sorted(order) == list(range(10)) and order != sorted(order) and len(RandomSampler(TEN)) == 10
    more = list(RandomSampler(TEN, num_samples=25, generator=rng()))
    assert len(more) == 25 and sorted(more[:10]) == sorted(more[10:20]) == list(range(10))
    drawn = list(RandomSampler(TEN, replacement=True, num_samples=200, generator=rng()))
    assert len(drawn) == 200 and set(drawn) == set(range(10))
    sampler = SubsetRandomSampler([5, 3, 1], rng())
    assert sorted(sampler) == [1, 3, 5] and len(sampler) == 3
    mg.manual_seed(1)
    first = list(RandomSampler(TEN))
    mg.manual_seed(1)
    assert list(RandomSampler(TEN)) == first


def test_weights_decide_how_often():
    sampler = WeightedRandomSampler(mg.tensor([0.0, 1.0, 3.0]), 4000, generator=rng())
    counts = np.bincount(list(sampler))
    assert len(sampler) == 4000 and counts[0] == 0 and abs(counts[2] / counts[1] - 3) < 0.3
    assert sorted(WeightedRandomSampler([1.0, 0.0, 2.0], 2, replacement=False, generator=rng())) == [0, 2]


def test_without_replacement_no_item_comes_twice():
    for seed in range(20):
        weighted = WeightedRandomSampler([1.0, 2.0, 3.0, 0.0], 3, replacement=False, generator=rng(seed))
        some = list(RandomSampler(TEN, num_samples=4, generator=rng(seed)))
        assert sorted(weighted) == [0, 1, 2] and len(set(some)) == 4
        assert sorted(mg.multinomial(mg.tensor([1.0, 2.0, 3.0, 0.0]), 3, generator=rng(seed)).tolist()) == [0, 1, 2]
    first = [next(iter(WeightedRandomSampler([1.0, 3.0], 1, replacement=False, generator=rng(i)))) for i in range(1000)]
    assert abs(np.mean(first) - 0.75) < 0.07  # five standard deviations


@pytest.mark.parametrize(
    "draw",
    [
        lambda g: RandomSampler([0, 1, 2], generator=g),
        lambda g: SubsetRandomSampler([0, 1, 2], g),
        lambda g: WeightedRandomSampler([1.0] * 3, 3, False, g),
        lambda g: [i for piece in random_split([0, 1, 2], [1, 2], g) for i in piece.indices.tolist()],
    ],
)
def test_every_order_comes_equally_often(draw):
    generator = rng()
    counts = Counter(tuple(draw(generator)) for _ in range(3000))
    assert set(counts) == set(itertools.permutations(range(3)))
    assert all(abs(count - 500) < 102 for count in counts.values())  # five standard deviations


@pytest.mark.parametrize(
    "make",
    [
        lambda: WeightedRandomSampler([1.0, -1.0], 3),
        lambda: WeightedRandomSampler([0.0, 0.0], 3),
        lambda: WeightedRandomSampler([[1.0]], 3),
        lambda: WeightedRandomSampler([1.0, np.nan], 3),
        lambda: WeightedRandomSampler([1.0], 0),
        lambda: WeightedRandomSampler([1.0, 0.0], 2, replacement=False),
        lambda: RandomSampler(TEN, num_samples=2.5),
    ],
)
def test_what_samplers_refuse(make):
    with pytest.raises(ValueError, match="Sampler: "):
        make()


def test_a_sampler_gives_the_loaders_order():
    loader = DataLoader(TEN, batch_size=2, sampler=[4, 2, 9])
    assert len(loader) == 2 and taken(loader) == taken(loader) == [4, 2, 9]
    assert taken(DataLoader(TEN, 2, sampler=[4, 2, 9], drop_last=True)) == [4, 2]
    assert taken(DataLoader(Squares(), 2, sampler=iter([4, 2]))) == [16, 4]
    with pytest.raises(ValueError, match="sampler decides the order itself"):
        DataLoader(TEN, shuffle=True, sampler=[1])


@pytest.mark.parametrize(
    "options", [{}, {"shuffle": True, "seed": 1}, {"sampler": [4, 2]}, {"batch_sampler": [[4], [2]]}], ids=str
)
def test_epochs_are_counted_when_they_start(options):
    loader = DataLoader(TEN, **options)
    assert loader.epoch == 0
    next(iter(loader))
    assert loader.epoch == 1
    taken(loader)
    assert loader.epoch == 2


def test_a_generator_draws_the_order():
    a, b = (DataLoader(TEN, 3, shuffle=True, generator=rng(7), num_workers=2, pin_memory=True) for _ in range(2))
    first = taken(a)
    assert first == taken(b) != taken(a) and sorted(first) == list(range(10))


def test_collation_by_kind():
    batch = default_collate([{"x": np.ones(2), "name": "a", "n": 1}, {"x": np.zeros(2), "name": "b", "n": 2}])
    assert batch["x"].tolist() == [[1, 1], [0, 0]] and batch["name"] == ["a", "b"] and batch["n"].dtype == np.int64
    assert default_collate([np.float64(0.5), np.float64(1.5)]).dtype == np.float64


def test_batches_of_ones_own():
    class Backwards(Sampler):
        def __iter__(self):
            return iter(range(9, -1, -1))

        def __len__(self):
            return 10

    assert taken(DataLoader(TEN, 4, sampler=Backwards())) == list(range(9, -1, -1))
    with pytest.raises(NotImplementedError, match=r"Sampler does not define __iter__\(\)"):
        iter(Sampler())
    for drop_last, sizes in [(False, [4, 4, 2]), (True, [4, 4])]:
        sampler = BatchSampler(Backwards(), 4, drop_last)
        loader = DataLoader(TEN, batch_sampler=sampler, worker_init_fn=print)
        assert [len(batch) for (batch,) in loader] == sizes and len(loader) == len(sampler) == len(sizes)
        assert taken(loader) == list(range(9, -1, -1))[: sum(sizes)]
    assert taken(DataLoader(Squares(), batch_sampler=[[3, 1], [2]])) == [9, 1, 4]
    for options in ({"batch_size": 2}, {"shuffle": True}, {"sampler": [1]}, {"drop_last": True}):
        with pytest.raises(ValueError, match="a batch_sampler decides"):
            DataLoader(TEN, batch_sampler=[[1]], **options)


def test_long_samplers_are_drawn_in_blocks():
    for replacement in (True, False):
        endless = RandomSampler(TEN, replacement=replacement, num_samples=int(1e10), generator=rng())
        assert len(endless) == 10**10
        first = list(itertools.islice(endless, 100))
        batches = iter(DataLoader(TensorDataset(np.arange(10)), 50, sampler=RandomSampler(TEN, replacement, 10**10, rng())))
        assert [*next(batches)[0].tolist(), *next(batches)[0].tolist()] == first
    many = list(RandomSampler(TEN, replacement=True, num_samples=200_000, generator=rng()))
    assert many == rng().integers(10, size=200_000).tolist()  # the same as at once
    with pytest.raises(ValueError, match="RandomSampler: num_samples is 3, but there are no items"):
        RandomSampler([], num_samples=3)


@pytest.mark.parametrize("name", ["minigrad", "torch"])
def test_datasets_and_samplers_name_the_types_of_their_items(name):
    """``class Words(Dataset[tuple[str, int]])``, as typed programs for PyTorch write it."""
    data = importlib.import_module(f"{pytest.importorskip(name).__name__}.utils.data")

    class Words(data.Dataset[tuple[str, int]]):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return "abc"[index], index

    class Backward(data.Sampler[int]):
        def __iter__(self):
            return iter([2, 1, 0])

    loader = data.DataLoader(Words(), batch_size=2, sampler=Backward())
    assert [(list(words), t.tolist()) for words, t in loader] == [(["c", "b"], [2, 1]), (["a"], [0])]
    assert all(issubclass(each, getattr(data, each.__name__)) for each in (Words.__mro__[1], Backward.__mro__[1]))
    assert (
        isinstance(Words(), data.Dataset) and data.IterableDataset[int] and data.ConcatDataset[int] and data.DataLoader[int]
    )
