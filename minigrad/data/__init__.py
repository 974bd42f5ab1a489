"""Datasets (bundled digits and sonnets, MNIST, Fashion-MNIST, points in the plane), transforms, samplers, DataLoader."""

from minigrad.data import datasets, toys, transforms
from minigrad.data.collate import default_collate, default_convert
from minigrad.data.digits import load_digits
from minigrad.data.distributed_sampler import DistributedSampler
from minigrad.data.idx import read_idx
from minigrad.data.loader import DataLoader
from minigrad.data.map_style import ConcatDataset, Dataset, StackDataset, Subset, TensorDataset, random_split
from minigrad.data.mnist import load_mnist
from minigrad.data.samplers import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from minigrad.data.sonnets import load_sonnets
from minigrad.data.streams import ChainDataset, IterableDataset
from minigrad.data.workers import get_worker_info

__all__ = [
    "BatchSampler", "ChainDataset", "ConcatDataset", "DataLoader", "Dataset", "DistributedSampler", "IterableDataset",
    "RandomSampler", "Sampler", "SequentialSampler", "StackDataset", "Subset", "SubsetRandomSampler", "TensorDataset",
    "WeightedRandomSampler", "datasets", "default_collate", "default_convert", "get_worker_info", "load_digits",
    "load_mnist", "load_sonnets", "random_split", "read_idx", "toys", "transforms",
]  # fmt: skip
