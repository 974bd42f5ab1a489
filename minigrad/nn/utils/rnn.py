"""Sequences of different lengths: padded to one length, or packed without padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from minigrad.arrays import array_of
from minigrad.errors import ShapeError
from minigrad.nn import functional as F
from minigrad.ops import concatenate, stack
from minigrad.tensors.tensor import Tensor

__all__ = [
    "PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_packed_sequence", "pad_sequence",
    "unpack_sequence", "unpad_sequence",
]  # fmt: skip


class _Packed(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Packed):
    """The items of sequences without padding: all first items, then all second ones, the longest sequence first.

    `data` (total length, ...) holds the items, `batch_sizes` how many sequences have a first item, a second, and so on.
    `sorted_indices` leads from the sequences as they were given to those here, `unsorted_indices` back; None if they were
    sorted. Made by `pack_padded_sequence` and `pack_sequence`; taken and returned by RNN, LSTM and GRU.

    >>> import minigrad as mg
    >>> packed = pack_sequence([mg.tensor([1, 2, 3]), mg.tensor([4])])
    >>> packed.data, packed.batch_sizes
    (tensor([1, 4, 2, 3]), tensor([2, 1, 1]))
    """

    __slots__ = ()

    def __new__(
        cls, data: Tensor, batch_sizes: Any, sorted_indices: Tensor | None = None, unsorted_indices: Tensor | None = None
    ) -> Self:
        if unsorted_indices is None and sorted_indices is not None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, Tensor.from_array(array_of(batch_sizes)), sorted_indices, unsorted_indices)

    def to(self, *args: Any, **options: Any) -> Self:
        """Convert `data`, as `Tensor.to` does."""
        return self._replace(data=self.data.to(*args, **options))

    def float(self) -> Self:
        """Convert `data` to float32."""
        return self.to(np.float32)

    def double(self) -> Self:
        """Convert `data` to float64."""
        return self.to(np.float64)

    def cpu(self) -> Self:
        """Return the sequence itself."""
        return self


def invert_permutation(permutation: Tensor) -> Tensor:
    """Return the permutation that undoes this one.

    >>> import minigrad as mg
    >>> invert_permutation(mg.tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    return Tensor.from_array(np.argsort(permutation.array))


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack a padded batch (L, N, ...), or (N, L, ...) with `batch_first`, of which sequence i has `lengths[i]` items.

    With `enforce_sorted` the lengths must decrease; otherwise the sequences are sorted here, and RNNs and
    `pad_packed_sequence` restore their order. Raises ShapeError unless there is one length for each sequence, ValueError for
    a length below 1 or beyond L, and for lengths that are not sorted.

    >>> import minigrad as mg
    >>> padded = mg.tensor([[1, 2, 3], [4, 0, 0]])
    >>> packed = pack_padded_sequence(padded, [3, 1], batch_first=True)
    >>> packed.data, packed.batch_sizes
    (tensor([1, 4, 2, 3]), tensor([2, 1, 1]))
    """
    x = input.transpose(0, 1) if batch_first else input
    each = np.asarray(array_of(lengths), np.int64)
    if x.ndim < 2 or each.shape != x.shape[1:2]:
        raise ShapeError(f"pack_padded_sequence: needs a length for each sequence of {input.shape}, got shape {each.shape}")
    if each.min(initial=1) < 1 or each.max(initial=0) > len(x):
        raise ValueError(f"pack_padded_sequence: lengths must be within 1 and {len(x)}, got {each.tolist()}")
    order = np.argsort(-each, kind="stable")
    if enforce_sorted and (np.diff(each) > 0).any():
        raise ValueError(f"pack_padded_sequence: lengths must decrease, got {each.tolist()}\n  hint: enforce_sorted=False")
    present = np.arange(each.max(initial=0))[:, None] < each[order]
    steps, places = np.nonzero(present)
    indices = None if enforce_sorted else Tensor.from_array(order)
    return PackedSequence(x[steps, order[places]], present.sum(1), indices)


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """Return the padded batch and the lengths of a packed sequence: the inverse of `pack_padded_sequence`.

    `total_length` is the length to pad to, by default that of the longest. Raises ValueError for one that is shorter.

    >>> import minigrad as mg
    >>> packed = pack_sequence([mg.tensor([4.0]), mg.tensor([1.0, 2.0])], enforce_sorted=False)
    >>> pad_packed_sequence(packed, batch_first=True)
    (tensor([[4., 0.],
            [1., 2.]]), tensor([1, 2]))
    """
    sizes = sequence.batch_sizes.array
    longest = len(sizes) if total_length is None else total_length
    if longest < len(sizes):
        raise ValueError(f"pad_packed_sequence: total_length must be at least {len(sizes)}, got {total_length}")
    present = np.arange(sizes[0]) < np.pad(sizes, (0, longest - len(sizes)))[:, None]
    places = np.where(present, np.cumsum(present).reshape(present.shape) - 1, len(sequence.data))
    if sequence.unsorted_indices is not None:
        places = places[:, sequence.unsorted_indices.array]
    data = sequence.data
    padding = Tensor.from_array(np.full((1, *data.shape[1:]), padding_value, data.dtype))
    lengths = Tensor.from_array((places < len(data)).sum(0))
    return concatenate([data, padding])[places.T if batch_first else places], lengths


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences (L_i, ...); see `pack_padded_sequence`.

    >>> import minigrad as mg
    >>> pack_sequence([mg.tensor([4]), mg.tensor([1, 2, 3])], enforce_sorted=False).data
    tensor([1, 4, 2, 3])
    """
    lengths = [len(sequence) for sequence in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """Return the sequences (L_i, ...) of a packed sequence: the inverse of `pack_sequence`.

    >>> import minigrad as mg
    >>> unpack_sequence(pack_sequence([mg.tensor([1, 2]), mg.tensor([3])]))
    [tensor([1, 2]), tensor([3])]
    """
    return unpad_sequence(*pad_packed_sequence(packed_sequences))


def unpad_sequence(padded_sequences: Tensor, lengths: Any, batch_first: bool = False) -> list[Tensor]:
    """Return the first `lengths[i]` items of each sequence i of a padded batch: the inverse of `pad_sequence`.

    >>> import minigrad as mg
    >>> unpad_sequence(mg.tensor([[1, 2], [3, 0]]), [2, 1], batch_first=True)
    [tensor([1, 2]), tensor([3])]
    """
    given = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    each = np.asarray(array_of(lengths)).tolist()
    return [sequence[:length] for sequence, length in zip(given, each, strict=True)]


def pad_sequence(
    sequences: Sequence[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Stack sequences (L_i, ...) into one tensor (longest, N, ...), or (N, longest, ...) with `batch_first`.

    Shorter sequences are padded with `padding_value` at the side `padding_side`, "right" or "left". Raises ValueError for no
    sequences, and ShapeError for sequences whose shapes differ beyond the length.

    >>> import minigrad as mg
    >>> pad_sequence([mg.tensor([1, 2, 3]), mg.tensor([4])], batch_first=True)
    tensor([[1, 2, 3],
            [4, 0, 0]])
    """
    if padding_side not in ("left", "right"):
        raise ValueError(f"pad_sequence: padding_side must be 'left' or 'right', got {padding_side!r}")
    given = list(sequences)
    if not given:
        raise ValueError("pad_sequence: needs at least one sequence")
    for i, sequence in enumerate(given):
        if not sequence.ndim or sequence.shape[1:] != given[0].shape[1:]:
            raise ShapeError(f"pad_sequence: sequence {i} has shape {sequence.shape}, sequence 0 has {given[0].shape}")
    longest = max(len(sequence) for sequence in given)
    filled = []
    for sequence in given:
        missing = longest - len(sequence)
        sides = (0, missing) if padding_side == "right" else (missing, 0)
        value = np.asarray(padding_value, sequence.dtype).item()
        filled.append(F.pad(sequence, (0, 0) * (sequence.ndim - 1) + sides, value=value) if missing else sequence)
    return stack(filled, 0 if batch_first else 1)
