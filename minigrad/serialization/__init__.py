"""Arrays in files: written atomically, read without trusting the file.

`save` and `load` store state dicts, and nested dicts and lists of them, as `.npz` (NumPy's zip of arrays) or `.safetensors`.
Nothing is unpickled, with one guarded exception: the `params.pkl` of "Deep Learning from Scratch" is read by an interpreter
that admits NumPy arrays and nothing else. Sizes are checked against the file's real length before anything is allocated.
"""

from minigrad.serialization.atomic import write_atomically
from minigrad.serialization.formats import load, save
from minigrad.serialization.npz import load_npz, save_npz
from minigrad.serialization.pickled import load_pickled_params
from minigrad.serialization.safetensors import load_safetensors, save_safetensors

__all__ = [
    "load", "load_npz", "load_pickled_params", "load_safetensors", "save", "save_npz", "save_safetensors",
    "write_atomically",
]  # fmt: skip
