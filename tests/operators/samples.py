"""Samples of PyTorch's operators: which are run, and the same arguments here and there."""

import contextlib
import itertools
import random
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import torch

import minigrad as mg

DTYPES = ("float64", "float32", "float16", "int64", "uint8", "bool")
CAPS = {"float64": 8, "float32": 4}  # samples of an operator and a dtype; those of other dtypes are 3
READ = 400  # samples that are looked at, of those that PyTorch can make
LARGEST = 20_000  # entries of an input or a result


class Sample(NamedTuple):
    """One call of an operator, in PyTorch's words."""

    name: str
    dtype: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    settle: Any = None  # PyTorch's function of the result that makes it unique, as abs for the sign of a vector
    error: str = ""  # what PyTorch says, where the call is wrong

    def __repr__(self):
        given = [repr(described(a)) for a in self.arguments]
        return f"{self.name}({', '.join(given + [f'{k}={described(v)!r}' for k, v in self.options.items()])})"


def described(value):
    """Return an argument without the numbers in its tensors: two samples of one description are much the same."""
    if isinstance(value, torch.Tensor):
        return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}"
    if isinstance(value, (list, tuple)):
        return tuple(map(described, value))
    if isinstance(value, dict):
        return {key: described(entry) for key, entry in value.items()}
    return getattr(value, "__name__", None) or value


def leaves(value, kind):
    """Yield the objects of a kind in nested tuples, lists and dicts."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for entry in value.values() if isinstance(value, dict) else value:
            yield from leaves(entry, kind)


def outside(value):
    """Whether a value has complex numbers, sparse tensors, what NumPy lacks (a dtype, a 65th axis), or very many entries."""
    tensors = list(leaves(value, torch.Tensor))
    dtypes = [t.dtype for t in tensors] + list(leaves(value, torch.dtype))
    return (
        any(leaves(value, complex))
        or any(d.is_complex or d in (torch.bfloat16, torch.complex32) for d in dtypes)
        or any(t.layout is not torch.strided or t.is_meta or t.ndim > 64 or t.numel() > LARGEST for t in tensors)
    )


def right(op, dtype, everything=False):
    """Return samples of an operator that PyTorch's table gives as right: different in shapes and options, or all."""
    kind = getattr(torch, dtype)
    if kind not in op.supported_dtypes("cpu"):
        return []
    found = {}
    with repeated():
        made = op.sample_inputs("cpu", kind, requires_grad=dtype == "float64" and op.supports_autograd)
        for place, s in enumerate(made if everything else itertools.islice(made, READ)):
            if not outside(((s.input, *s.args), s.kwargs)):
                sample = Sample(op.name, dtype, (s.input, *s.args), s.kwargs, s.output_process_fn_grad)
                found.setdefault(place if everything else repr(sample), sample)
    chosen, cap = list(found.values()), CAPS.get(dtype, 3)
    if everything or len(chosen) <= cap:
        return chosen
    return [chosen[i * (len(chosen) - 1) // (cap - 1)] for i in range(cap)]


def wrong(op):
    """Return samples of an operator that PyTorch refuses."""
    with repeated():
        made = op.error_inputs("cpu") if op.error_inputs_func else ()
        found = [(e.sample_input, str(e.error_regex)) for e in made]
    return [
        Sample(op.name, "error", (s.input, *s.args), s.kwargs, error=text)
        for s, text in found
        if not outside(((s.input, *s.args), s.kwargs))
    ]


@contextlib.contextmanager
def repeated():
    """Seed what PyTorch's samples draw from, and write to the memory that they read without writing."""
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    empty = torch.empty
    with mock.patch.object(torch, "empty", lambda *size, **options: empty(*size, **options).fill_(1)):
        yield


def theirs(value, wider=None):
    """Return a copy of an argument for PyTorch: its tensors are leaves. Floats may take a wider dtype."""
    if isinstance(value, torch.Tensor):
        value = value.detach().clone().requires_grad_(value.requires_grad)
        return value.to(wider) if wider and value.is_floating_point() else value
    if isinstance(value, torch.dtype) and wider and value.is_floating_point:
        return wider
    return _inside(lambda v: theirs(v, wider), value)


def ours(value):
    """Return an argument in our words."""
    if isinstance(value, torch.Tensor):
        return mg.tensor(value.detach().resolve_neg().numpy().copy(), requires_grad=value.requires_grad)
    if isinstance(value, (torch.dtype, torch.memory_format)):
        return getattr(mg, str(value).removeprefix("torch."))
    if isinstance(value, torch.Size):
        return tuple(value)
    if isinstance(value, torch.nn.PairwiseDistance):  # a distance that samples pass to a loss
        return mg.nn.PairwiseDistance(value.norm, value.eps, value.keepdim)
    if isinstance(value, dict):
        value = {key: entry for key, entry in value.items() if key not in ("device", "layout")}
    return _inside(ours, value)


def _inside(translate, value):
    if isinstance(value, (list, tuple)) and not isinstance(value, torch.Size):
        return type(value)(map(translate, value))
    if isinstance(value, dict):
        return {key: translate(entry) for key, entry in value.items()}
    return value
