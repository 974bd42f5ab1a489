"""What a loader says of datasets and items that make no batch."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import (
    ConcatDataset,
    DataLoader,
    Dataset,
    Subset,
    TensorDataset,
    default_collate,
    random_split,
    transforms,
)
from minigrad.errors import DTypeError, ShapeError


class Unsized(Dataset):
    def __getitem__(self, index):
        return index * 10


class Plain:
    def __getitem__(self, index):
        return index


class Itemless(Dataset):
    def __len__(self):
        return 3


@pytest.mark.parametrize(
    "dataset, says",
    [
        (Unsized(), r"a Unsized, does not define __len__\(\).*\n  hint: return the number of items, or give a sampler"),
        (Plain(), r"a Plain, does not define __len__\(\)"),
        (Itemless(), r"a Itemless, does not define __getitem__\(\)"),
        ((i for i in range(3)), r"a generator, does not define __getitem__\(\).*\n  hint: make a list of it"),
        (None, "a NoneType, does not define"),
        (Itemless, r"is the class Itemless\n  hint: make one: Itemless\(...\)"),
    ],
)
def test_datasets_that_are_none(dataset, says):
    with pytest.raises(TypeError, match=says):
        DataLoader(dataset)


def test_a_sampler_stands_in_for_the_length():
    assert [batch.tolist() for batch in DataLoader(Unsized(), 2, sampler=[3, 1, 2])] == [[30, 10], [20]]
    assert [batch.tolist() for batch in DataLoader(Plain(), batch_sampler=[[1], [2, 3]])] == [[1], [2, 3]]
    with pytest.raises(TypeError, match=r"Unsized does not define __len__\(\)"):
        ConcatDataset([Unsized()])


@pytest.mark.parametrize(
    "items, error, says",
    [
        (
            [np.zeros(2), np.zeros(3)],
            ShapeError,
            r"item 1 has shape \(3,\), item 0 \(2,\)\n  hint: give all",
        ),
        ([(mg.zeros(2), 1), (mg.zeros(3), 1)], ShapeError, r"item 1\[0\] has shape \(3,\), item 0\[0\] \(2,\)"),
        ([{"x": [1, np.zeros(2)]}, {"x": [1, np.zeros(1)]}], ShapeError, r"item 1\['x'\]\[1\] has shape \(1,\)"),
        ([(1, 2), (1,)], ShapeError, "item 1 is a tuple of length 1, item 0 of length 2"),
        ([{"a": 1}, {"b": 1}], ValueError, "item 1 has the keys 'b', item 0 'a'"),
        ([1.0, None], DTypeError, "item 1 is of type NoneType; a batch is made of tensors"),
        ([object(), object()], DTypeError, "item 0 is of type object; .*\n  hint: convert it in the dataset's __getitem__"),
        (["a", 1], DTypeError, "item 1 is of type int, item 0 of type str"),
        ([(1, {2}), (1, {2})], DTypeError, r"item 0\[1\] is of type set"),
        ([np.zeros(2), (1, 2)], DTypeError, "item 1 is of type tuple, item 0 of type ndarray"),
        ([], ValueError, "there are no items"),
    ],
)
def test_items_that_make_no_batch(items, error, says):
    with pytest.raises(error, match=says):
        default_collate(items)
    if items:
        with pytest.raises(error) as caught:
            list(DataLoader(items, batch_size=2))
        assert caught.value.__notes__ == ["DataLoader: raised while a batch was made of the items 0, 1 of the dataset"]


@pytest.mark.parametrize("length, shown", [(8, "0, 1, 2, 3, 4, 5, 6, 7"), (9, "0, 1, 2, 3, 4, 5, 6, 7, ...")])
def test_eight_items_of_a_batch_are_named(length, shown):
    with pytest.raises(DTypeError) as caught:
        list(DataLoader([None] * length, batch_size=length))
    assert caught.value.__notes__ == [f"DataLoader: raised while a batch was made of the items {shown} of the dataset"]


def test_what_makes_a_batch():
    x = mg.zeros(2, dtype=mg.float64)
    assert default_collate([np.zeros(2), x]).dtype == np.float64 and default_collate([x, x]).shape == (2, 2)
    assert default_collate([1, 2.5]).tolist() == [1.0, 2.5] and default_collate([True, False]).dtype == bool
    assert default_collate([(1, "a"), (2, "b")])[1] == ["a", "b"] and default_collate([{"k": 1}])["k"].tolist() == [1]
    assert default_collate([np.float32(1), np.float32(2)]).dtype == np.float32


@pytest.mark.parametrize(
    "call, error, says",
    [
        (lambda: DataLoader([1], seed=-1), ValueError, "seed must be an int of at least 0, got -1"),
        (lambda: DataLoader([1], generator=3), TypeError, "must be a NumPy Generator, got int"),
        (lambda: list(DataLoader([1, 2], sampler=[0.5])), TypeError, "the sampler must yield integers, got 0.5"),
        (
            lambda: list(DataLoader([1], batch_sampler=[["a"]])),
            TypeError,
            "batch_sampler must yield integers, got 'a'",
        ),
        (lambda: TensorDataset((np.zeros((3, 2)), np.zeros(3))), ShapeError, r"array 0, a tuple, is ragged\n  hint: unpack"),
        (lambda: TensorDataset([[1, 2], [3]]), ShapeError, "array 0, a list, is ragged$"),
        (lambda: TensorDataset(np.zeros(1), np.array(["a"])), DTypeError, "array 1 has dtype <U1"),
        (lambda: TensorDataset(None), DTypeError, "array 0 has dtype object"),
        (lambda: Subset([1, 2, 3], [True, False, True]), TypeError, r"got bool\n  hint: np.flatnonzero\(mask\)"),
        (lambda: Subset([1, 2, 3], [0.5]), TypeError, "must be integers, got float64"),
        (lambda: random_split([1, 2, 3], 2), TypeError, "must be a list of lengths or of fractions, got 2"),
        (lambda: transforms.Compose(transforms.ToTensor()), TypeError, "needs a list of transforms, got ToTensor"),
        (lambda: transforms.Compose([transforms.ToTensor]), TypeError, r"hint: make one: ToTensor\(...\)"),
        (lambda: transforms.RandomCrop(2.5), TypeError, "RandomCrop: size must be an int or a pair of ints, got 2.5"),
    ],
)
def test_other_mistakes(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_one_mean_for_all_channels():
    image = mg.ones(3, 2, 2)
    assert (transforms.Normalize(0.5, 0.25)(image) == 2).all()
