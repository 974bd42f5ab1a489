"""`save` and `load`: state dicts and checkpoints in files, by the suffix of the file's name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.errors import WeightsFileError
from minigrad.serialization.npz import load_npz, save_npz
from minigrad.serialization.pickled import load_pickled_params
from minigrad.serialization.safetensors import load_safetensors, save_safetensors
from minigrad.serialization.tree import flatten, rebuild

__all__ = ["load", "save"]

TREE = "__tree__"  # where the structure of what is no plain state dict is kept
ORDER = "\n  hint: save(obj, path): first what is saved, then the name of the file"


def save(obj: Any, path: str | os.PathLike[str]) -> None:
    """Write a state dict, or a checkpoint made of several, to a `.npz` or `.safetensors` file; atomically.

    A checkpoint is made of dicts, lists, tuples, tensors, arrays, numbers, texts and None. A plain state dict is written as
    any other program writes one, so that others can read it.

    >>> import tempfile, os
    >>> import minigrad as mg
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "weights.npz")
    ...     mg.save({"model": {"w": mg.ones(2)}, "epoch": 3}, path)
    ...     mg.load(path)
    {'model': {'w': tensor([1., 1.])}, 'epoch': 3}
    """
    suffix = _suffix("save", path, (".npz", ".safetensors"))
    arrays, tree = flatten(obj)
    if TREE in arrays:
        raise ValueError(f"save: {TREE!r} cannot be the name of an array")
    if suffix == ".safetensors":
        save_safetensors(path, arrays, None if tree is None else {TREE: tree})
    else:
        save_npz(path, arrays if tree is None else {**arrays, TREE: np.frombuffer(tree.encode(), np.uint8)})


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What `save` wrote, with tensors for arrays; also any other `.npz` or `.safetensors` file, and the book's `.pkl`.

    Raises FileNotFoundError, and WeightsFileError for a file that is damaged or hostile; nothing of it is returned then.
    """
    suffix = _suffix("load", path, (".npz", ".safetensors", ".pkl"))
    try:
        if suffix == ".safetensors":
            arrays, metadata = load_safetensors(path)
            return rebuild(arrays, metadata.get(TREE))
        arrays = load_npz(path) if suffix == ".npz" else load_pickled_params(path)
        tree = arrays.pop(TREE, None)
        if tree is not None and tree.nbytes > os.path.getsize(path):  # `save` does not compress it: it could be blown up
            raise WeightsFileError("the structure around the arrays is larger than the file")
        return rebuild(arrays, None if tree is None else tree.tobytes())
    except WeightsFileError as error:
        if str(path) in str(error):
            raise
        raise WeightsFileError(f"{path}: {error}") from None


def _suffix(op: str, path: str | os.PathLike[str], known: tuple[str, ...]) -> str:
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{op}: the path must be a text or a Path, got {type(path).__name__}{ORDER if op == 'save' else ''}")
    suffix = Path(path).suffix
    if suffix not in known:
        hint = f"save(..., {str(path).removesuffix(suffix) + '.npz'!r})"
        if op == "load":
            hint = "PyTorch's own files are read with torch.load and minigrad.interop.from_torch"
        raise ValueError(f"{op}: the name of the file must end in {' or '.join(known)}, got {str(path)!r}\n  hint: {hint}")
    return suffix
