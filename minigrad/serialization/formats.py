"""`save` and `load`: state dicts and checkpoints in the file format that the suffix of the path names."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from minigrad.arrays import Array
from minigrad.errors import WeightsFileError
from minigrad.serialization.npz import load_npz, save_npz
from minigrad.serialization.pickled import load_pickled_params
from minigrad.serialization.pytorch import FORMER, load_pt, save_pt
from minigrad.serialization.safetensors import load_safetensors, save_safetensors
from minigrad.serialization.structure import decode, encode
from minigrad.tensors.devices import device

__all__ = ["FORMATS", "Format", "load", "save"]

FilePath = str | os.PathLike[str]
STRUCTURE = "__tree__"  # the name under which a file holds the structure around its arrays


class Format(NamedTuple):
    """A file format: how an object is read, and how named arrays are written with the text that describes their nesting.

    The text (see structure.py) is None for a plain state dict, whose file is the one that other programs read and write.
    """

    load: Callable[[Any], Any]
    save: Callable[[Any, dict[str, Array], str | None], None] | None = None  # None: the format is only read


def save(obj: Any, f: str | os.PathLike[str] | IO[bytes]) -> None:
    """Write a state dict, or a checkpoint made of several, to a `.npz`, `.safetensors` or `.pt` file; atomically.

    `obj` may consist of dicts, lists, tuples, tensors, arrays, numbers, strings and None. A plain state dict is written in
    the format's usual form, so that other programs can read it: NumPy a `.npz`, `torch.load` a `.pt`. PyTorch's format is
    also that of `.pth`, `.ckpt`, `.bin` and other suffixes that programs for PyTorch use, of names without a suffix, and of
    files that are open for writing; `.pkl`, the book's suffix, gets that of `.npz`. Raises TypeError for anything else,
    ValueError for another suffix.

    >>> import tempfile, os
    >>> import minigrad as mg
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "weights.npz")
    ...     mg.save({"model": {"w": mg.ones(2)}, "epoch": 3}, path)
    ...     mg.load(path)
    {'model': {'w': tensor([1., 1.])}, 'epoch': 3}
    """
    write = _function("save", f)
    arrays, text = encode(obj)
    if STRUCTURE in arrays:
        raise ValueError(f"save: {STRUCTURE!r} cannot be the name of an array")
    write(f, arrays, text)


def load(
    f: str | os.PathLike[str] | IO[bytes],
    map_location: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
) -> Any:
    """Return what `save` wrote: tensors as tensors and arrays as arrays, those of a dict of nothing else as a state dict.

    Reads any `.npz` or `.safetensors` file, checkpoints of PyTorch (see `load_pt`) and the book's `.pkl`; an open file from
    where it stands. If the suffix is one of PyTorch's or `.pkl`, or there is none, the content decides. `map_location` may
    be the CPU, or a function or dict, since there is no other device; `weights_only` and `mmap` change nothing: no file is
    unpickled. Raises FileNotFoundError, or WeightsFileError for a file that is damaged or hostile; nothing of it is returned
    then.

    >>> import io
    >>> import minigrad as mg
    >>> file = io.BytesIO()
    >>> mg.save([mg.ones(2), "a"], file)
    >>> mg.load(io.BytesIO(file.getvalue()), map_location="cpu")
    [tensor([1., 1.]), 'a']
    """
    if isinstance(map_location, str | device):
        device(map_location)
    read = _function("load", f)
    try:
        return read(f)
    except WeightsFileError as error:
        where = f"{f}: " if isinstance(f, str | os.PathLike) and str(f) not in str(error) else ""
        raise WeightsFileError(f"{where}{error}") from None


def _function(op: str, path: FilePath | IO[bytes]) -> Any:
    """Return the `save` or `load` of the format that the suffix of a path names, or for an open file, PyTorch's."""
    if hasattr(path, "write" if op == "save" else "read"):
        return getattr(FORMATS[".pt"], op)
    if not isinstance(path, str | os.PathLike):
        hint = "\n  hint: save(obj, path): the object comes first, then the path" if op == "save" else ""
        raise TypeError(f"{op}: the path must be a str or a Path, got {type(path).__name__}{hint}")
    known = {suffix: getattr(each, op) for suffix, each in FORMATS.items() if getattr(each, op) is not None}
    suffix = Path(path).suffix
    if suffix not in known:
        hint = f"\n  hint: save(..., {str(path).removesuffix(suffix) + '.npz'!r})" if op == "save" else ""
        endings = ", ".join(filter(None, known))
        raise ValueError(f"{op}: the name of the file must end in {endings}, or have no suffix, got {str(path)!r}{hint}")
    return known[suffix]


def _load_npz(path: FilePath | IO[bytes]) -> Any:
    file = path if isinstance(path, str | os.PathLike) else io.BytesIO(path.read())
    length = len(file.getbuffer()) if isinstance(file, io.BytesIO) else os.path.getsize(file)
    arrays = load_npz(file)
    text = arrays.pop(STRUCTURE, None)
    if text is not None and text.nbytes > length:  # `save` does not compress it: this one would be a bomb
        raise WeightsFileError("the structure around the arrays is larger than the file")
    return decode(arrays, None if text is None else text.tobytes())


def _save_npz(path: FilePath | IO[bytes], arrays: dict[str, Array], text: str | None) -> None:
    save_npz(path, arrays if text is None else {**arrays, STRUCTURE: np.frombuffer(text.encode(), np.uint8)})


def _load_safetensors(path: FilePath) -> Any:
    arrays, metadata = load_safetensors(path)
    return decode(arrays, metadata.get(STRUCTURE))


def _load_any(path: FilePath | IO[bytes]) -> Any:
    """Return the object of a `.npz`, of a checkpoint of PyTorch or of the book's pickle, as its first bytes tell."""
    file = io.BytesIO(path.read()) if not isinstance(path, str | os.PathLike) else open(path, "rb")  # noqa: SIM115
    with file:
        head = file.read(30)  # of an archive's first member, before its name
        name = file.read(int.from_bytes(head[26:28], "little"))
        file.seek(0)
        source: Any = file if isinstance(file, io.BytesIO) else path
        if head[:4] == b"PK\5\6" or (head[:4] == b"PK\3\4" and name.endswith(b".npy")):
            return _load_npz(source)
        if head[:2] == b"PK" or head.startswith(FORMER) or source is file:
            return load_pt(source)
        return decode(load_pickled_params(source), None)


PYTORCH_SUFFIXES = (".pt", ".pth", ".ckpt", ".tar", ".bin", ".model", ".weights", ".pickle", "")

# By suffix. A new format is one more entry; `save`, `load` and their error messages follow from the table.
FORMATS: dict[str, Format] = {
    ".npz": Format(_load_npz, _save_npz),
    ".safetensors": Format(
        _load_safetensors,
        lambda path, arrays, text: save_safetensors(path, arrays, None if text is None else {STRUCTURE: text}),
    ),
    ".pkl": Format(_load_any, _save_npz),
    **dict.fromkeys(PYTORCH_SUFFIXES, Format(_load_any, save_pt)),
}
