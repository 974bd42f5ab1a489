"""Names of arguments: PyTorch's and NumPy's are accepted beside an operation's own."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from minigrad.errors import blame

__all__ = ["ALIASES", "aliased", "displayed", "names_for", "renamed"]

Function = TypeVar("Function", bound=Callable[..., Any])

ALIASES = {  # what PyTorch or NumPy calls an argument, and what an operation may call it: the first that it has
    # the operands
    "input": ("x", "start", "y", "values"), "A": ("x", "a"), "a": ("x",), "tensors": ("arrays",), "tensor": ("y", "x"),
    "other": ("y",), "B": ("y", "b"), "b": ("y",), "exponent": ("y",), "values": ("y",), "mat2": ("y",), "vec": ("y",),
    "vec2": ("y",), "input2": ("triangle",), "elements": ("element",), "test_element": ("test_elements",),
    # their axes and sizes
    "dim": ("axis",), "dims": ("axis", "axes", "reps"), "axis": ("dim", "dims"), "axes": ("dims",),
    "dim0": ("axis0",), "dim1": ("axis1",), "dim2": ("axis2",), "keepdim": ("keepdims",), "keepdims": ("keepdim",),
    "size": ("shape",), "split_size": ("split_size_or_sections",), "sections": ("indices_or_sections",),
    "indices": ("indices_or_sections", "x"), "tensor_indices_or_sections": ("indices_or_sections",),
    # options
    "shifts": ("shift",), "diagonal": ("k",), "offset": ("k",), "rcond": ("rtol",),
}  # fmt: skip


def aliased(function: Function) -> Function:
    """A function that is no operation of its own, and takes PyTorch's names and NumPy's all the same; see `ALIASES`."""
    names = tuple(inspect.signature(function).parameters)
    known = names_for(names)

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        options = renamed(options, known)
        try:
            return function(*args, **options)
        except Exception as error:
            blame(error, operation=function.__name__, arguments=(*zip(names, args, strict=False), *options.items()))
            raise

    call.known = known  # type: ignore[attr-defined]
    return call  # type: ignore[return-value]


def renamed(options: dict[str, Any], known: dict[str, str]) -> dict[str, Any]:
    """Options under the names that a function has for them, given PyTorch's names or NumPy's; `known` are all these."""
    out = {}
    for key, value in options.items():
        name = known.get(key, key)
        if name in out:
            twins = " and ".join(k for k in options if known.get(k, k) == name)
            raise TypeError(f"{twins} name the same option: give one of them")
        out[name] = value
    return out


def names_for(names: tuple[str, ...]) -> dict[str, str]:
    """Every name by which arguments can be given, with the function's own for each."""
    others = {name: next((own for own in owns if own in names), None) for name, owns in ALIASES.items()}
    return {name: own for name, own in others.items() if own} | {name: name for name in names}


class _Unquoted(str):
    """An annotation that `inspect` prints without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


def displayed(signature: inspect.Signature) -> inspect.Signature:
    """Return a signature for `help`: without the annotations Any and Array, and without quotes around the others."""

    def cleaned(annotation: Any) -> Any:
        if annotation in ("Any", "Array"):
            return inspect.Parameter.empty
        return _Unquoted(annotation) if isinstance(annotation, str) else annotation

    parameters = [p.replace(annotation=cleaned(p.annotation)) for p in signature.parameters.values()]
    return signature.replace(parameters=parameters, return_annotation=cleaned(signature.return_annotation))
