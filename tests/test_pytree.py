"""Nested containers: their leaves, their paths, and the same containers with other leaves."""

from collections import OrderedDict, namedtuple
from collections.abc import Mapping

import numpy as np

import minigrad as mg
from minigrad.pytree import flatten, leaves, map_leaves

Pair = namedtuple("Pair", "first second")


class Frozen(Mapping):
    def __init__(self, items):
        self._items = items

    def __getitem__(self, key):
        return self._items[key]

    def __iter__(self):
        return iter(self._items)

    def __len__(self):
        return len(self._items)


TREE = {"a": [1, (2, None)], "b": OrderedDict(z=Pair(3, [4])), "c": Frozen({"x": 5})}


def test_leaves_and_their_paths_are_in_order():
    paths = ["['a'][0]", "['a'][1][0]", "['b']['z'].first", "['b']['z'].second[0]", "['c']['x']"]
    assert leaves(TREE) == [1, 2, 3, 4, 5] and list(flatten(TREE)[0]) == paths
    assert leaves(None) == [] and leaves(7) == [7] and leaves("text") == ["text"]


def test_containers_keep_their_types():
    found = map_leaves(lambda leaf: -leaf, TREE)
    assert found == {"a": [-1, (-2, None)], "b": {"z": Pair(-3, [-4])}, "c": {"x": -5}}
    assert type(found["b"]) is OrderedDict and type(found["b"]["z"]) is Pair and type(found["c"]) is dict
    assert TREE["b"]["z"].first == 3


def test_tensors_and_arrays_are_leaves():
    x, y = mg.ones(2), np.zeros((2, 2))
    found, rebuild = flatten([x, {"y": y}])
    assert [id(leaf) for leaf in found.values()] == [id(x), id(y)]
    assert rebuild([1, 2]) == [1, {"y": 2}]


def test_parameters_of_a_network_of_the_book_are_a_container():
    net = mg.models.SimpleConvNet((1, 8, 8))
    shapes = map_leaves(np.shape, net.params)
    assert shapes["W1"] == (30, 1, 5, 5) and list(shapes) == ["W1", "b1", "W2", "b2", "W3", "b3"]
