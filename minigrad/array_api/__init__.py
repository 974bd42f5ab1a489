"""The array API standard, 2024.12, for tensors of real numbers: ``import minigrad.array_api as xp``.

Names and results are those of https://data-apis.org/array-api/2024.12; several have another meaning in PyTorch, and so in
`minigrad` itself. Libraries get this namespace from a tensor, ``x.__array_namespace__()``. Gradients flow through every
function that has one. Not here: complex numbers (`complex64`, `complex128`, `imag`, `fft`, `linalg.eig`). Operators, methods
and brackets of a tensor stay PyTorch's: the dtype of a 0-d operand counts less, and ``x.size`` is a method.

    >>> import minigrad.array_api as xp
    >>> x = xp.asarray([1, 200], dtype=xp.uint8)
    >>> xp.sum(x), xp.permute_dims(xp.ones((2, 3)), (1, 0)).shape
    (tensor(201, dtype=uint64), (3, 2))
"""

from __future__ import annotations

from typing import Any

from numpy import e, inf, nan, newaxis, pi

from minigrad.array_api import creation, dtypes, elementwise, linalg, manipulation, searching, statistics
from minigrad.array_api.creation import *
from minigrad.array_api.dtypes import *
from minigrad.array_api.dtypes import Information as __array_namespace_info__
from minigrad.array_api.elementwise import *
from minigrad.array_api.linalg import matmul, tensordot, vecdot
from minigrad.array_api.manipulation import *
from minigrad.array_api.searching import *
from minigrad.array_api.statistics import *

__array_api_version__ = "2024.12"

__all__ = [
    "__array_api_version__", "__array_namespace_info__", "e", "inf", "linalg", "matmul", "nan", "newaxis", "pi",
    "tensordot", "vecdot", *creation.__all__, *dtypes.__all__, *elementwise.__all__, *manipulation.__all__,
    *searching.__all__, *statistics.__all__,
]  # fmt: skip


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> Any:
    hint = ""
    if name in ("complex64", "complex128", "imag", "fft"):
        hint = "\n  hint: complex numbers are outside of minigrad: its tensors are dense, of real numbers"
    raise AttributeError(f"module 'minigrad.array_api' has no attribute {name!r}{hint}")
