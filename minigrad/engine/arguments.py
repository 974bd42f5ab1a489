"""Names of arguments: an operation accepts PyTorch's and NumPy's beside those of its signature."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple, TypeVar

from minigrad.engine.out import call_into

__all__ = ["ALIASES", "Parameters", "aliased", "displayed", "names_for", "parameters_of", "renamed"]

Function = TypeVar("Function", bound=Callable[..., Any])

ALIASES = {  # a name in PyTorch or NumPy, and the names in our signatures for it: the first that the operation has
    # the operands
    "input": ("x", "start", "y", "values", "triangle"),
    "A": ("x", "a"), "a": ("x",), "tensors": ("arrays",), "tensor": ("y", "x"),
    "other": ("y",), "B": ("y", "b"), "b": ("y",), "exponent": ("y",), "values": ("y",), "mat2": ("y",), "vec": ("y",),
    "vec2": ("y",), "input1": ("x1",), "input2": ("x2", "triangle"), "hx": ("state",), "log_input": ("x",),
    "log_probs": ("x",), "elements": ("element",), "test_element": ("test_elements",),
    # their axes and sizes
    "dim": ("axis",), "dims": ("axis", "axes", "reps"), "axis": ("dim", "dims"), "axes": ("dims",),
    "dim0": ("axis0",), "dim1": ("axis1",), "dim2": ("axis2",), "keepdim": ("keepdims",), "keepdims": ("keepdim",),
    "size": ("shape",), "split_size": ("split_size_or_sections",), "split_sizes": ("split_size_or_sections",),
    "sections": ("indices_or_sections",),
    "indices": ("indices_or_sections", "x"), "tensor_indices_or_sections": ("indices_or_sections",),
    # options
    "shifts": ("shift",), "diagonal": ("k",), "offset": ("k",), "rcond": ("rtol",), "train": ("training",),
}  # fmt: skip


def aliased(function: Function) -> Function:
    """Let a function that is neither primitive nor composite accept PyTorch's and NumPy's names; see `ALIASES`."""
    known = names_for(parameters_of(function).names)

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        if "out" in options:
            return call_into(call, function.__name__, args, options)
        return function(*args, **renamed(options, known))

    call.known = known  # type: ignore[attr-defined]
    return call  # type: ignore[return-value]


class Parameters(NamedTuple):
    """The parameters of a function: names in the order of the signature, defaults, and whether there are *args."""

    names: tuple[str, ...]
    defaults: dict[str, Any]
    variadic: bool
    only_by_name: bool  # whether there are keyword-only parameters or **kwargs


def parameters_of(function: Callable[..., Any]) -> Parameters:
    """Return the parameters of a function, without inspect.signature: that takes 30 us, and imports wait for 500 of them."""
    if not isinstance(function, FunctionType) or {"__wrapped__", "__signature__"} & vars(function).keys():
        parameters = inspect.signature(function).parameters
        kinds = {p.kind for p in parameters.values()}
        return Parameters(
            tuple(parameters),
            {name: p.default for name, p in parameters.items() if p.default is not inspect.Parameter.empty},
            inspect.Parameter.VAR_POSITIONAL in kinds,
            bool(kinds & {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}),
        )
    code = function.__code__
    count, only = code.co_argcount, code.co_kwonlyargcount
    variadic, keywords = bool(code.co_flags & inspect.CO_VARARGS), bool(code.co_flags & inspect.CO_VARKEYWORDS)
    positional, by_name = code.co_varnames[:count], code.co_varnames[count : count + only]
    rest = code.co_varnames[count + only : count + only + variadic + keywords]  # args and kwargs
    values = function.__defaults__ or ()
    defaults = dict(zip(positional[count - len(values) :], values, strict=True)) | (function.__kwdefaults__ or {})
    names = (*positional, *rest[:variadic], *by_name, *rest[variadic:])
    return Parameters(names, defaults, variadic, bool(only or keywords))


def renamed(options: dict[str, Any], known: dict[str, str]) -> dict[str, Any]:
    """Return options under the names in a signature; `known` maps every accepted name to it (see `names_for`)."""
    out = {}
    for key, value in options.items():
        name = known.get(key, key)
        if name in out:
            twins = " and ".join(k for k in options if known.get(k, k) == name)
            raise TypeError(f"{twins} name the same option: give one of them")
        out[name] = value
    return out


def names_for(names: tuple[str, ...]) -> dict[str, str]:
    """Return every accepted name of arguments, each with the name in the signature."""
    others = {name: next((own for own in owns if own in names), None) for name, owns in ALIASES.items()}
    return {name: own for name, own in others.items() if own} | {name: name for name in names}


class _Unquoted(str):
    """An annotation that `inspect` prints without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


def displayed(signature: inspect.Signature) -> inspect.Signature:
    """Return a signature for `help`: tensors and arrays without an annotation, the other annotations without quotes."""

    def cleaned(annotation: Any) -> Any:
        if annotation in ("Any", "Array", "Value"):
            return inspect.Parameter.empty
        return _Unquoted(annotation) if isinstance(annotation, str) else annotation

    parameters = [p.replace(annotation=cleaned(p.annotation)) for p in signature.parameters.values()]
    return signature.replace(parameters=parameters, return_annotation=cleaned(signature.return_annotation))
