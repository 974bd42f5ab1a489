"""Arrays in files: written atomically, read without trust.

`save` and `load` take state dicts, and dicts of them, to `.npz` (NumPy's zip of arrays) and `.safetensors`. Nothing is ever
unpickled, with one guarded exception: the `params.pkl` of "Deep Learning from Scratch" goes through an unpickler that admits
NumPy arrays and nothing else. Sizes are checked against the file's real length before anything is allocated.
"""

from minigrad.serialization.atomic import write_atomically
from minigrad.serialization.npz import load_npz, save_npz
from minigrad.serialization.pickled import load_pickled_params
from minigrad.serialization.safetensors import load_safetensors, save_safetensors
from minigrad.serialization.state import load, save

__all__ = [
    "load", "load_npz", "load_pickled_params", "load_safetensors", "save", "save_npz", "save_safetensors",
    "write_atomically",
]  # fmt: skip
