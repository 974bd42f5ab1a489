"""Arrays in files: written atomically, read without trusting the file.

`save` and `load` store state dicts, and nested dicts and lists of them, as `.npz` (NumPy's zip of arrays), `.safetensors` or
`.pt` (PyTorch's checkpoints). Nothing is unpickled: PyTorch's files and the `params.pkl` of "Deep Learning from Scratch" are
read by an interpreter that makes tensors, arrays, numbers, strings, dicts and lists, and nothing else. Sizes are checked
against the file's real length before anything is allocated.
"""

from minigrad.serialization.atomic import write_atomically
from minigrad.serialization.formats import load, save
from minigrad.serialization.npz import load_npz, save_npz
from minigrad.serialization.pickled import load_pickled_params
from minigrad.serialization.pytorch import load_pt, save_pt
from minigrad.serialization.safetensors import load_safetensors, save_safetensors

__all__ = [
    "load", "load_npz", "load_pickled_params", "load_pt", "load_safetensors", "save", "save_npz", "save_pt",
    "save_safetensors", "write_atomically",
]  # fmt: skip
