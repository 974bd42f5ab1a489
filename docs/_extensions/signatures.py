"""Signatures as users write calls: names and defaults, with PyTorch's names of arguments where they differ.

The types of operations stand in the stubs that users' checkers read, which know more than the code: a function that depends
on its arguments has several signatures, and `x.float()` takes none. What has no stub is asked at runtime.
"""

from __future__ import annotations

import ast
import functools
import inspect
from pathlib import Path
from typing import Any

import minigrad
from minigrad.engine.arguments import ALIASES

STUBS = ("ops/__init__.pyi", "nn/functional.pyi", "linalg.pyi", "special.pyi")


def signatures(value: Any, name: str) -> list[str]:
    """Return the signatures of an object that is called, as "(x, axis=None)"; none if nobody calls it."""
    if name in _functions() and getattr(value, "__module__", "").startswith("minigrad.ops"):
        return _functions()[name]
    return _at_runtime(value, skip_first=False)


def method_signatures(value: Any, name: str) -> list[str]:
    """Return the signatures of a method of a class; `value` is as the class holds it."""
    if isinstance(value, staticmethod):
        return _at_runtime(value.__func__, skip_first=False)
    if name in _methods() and getattr(value, "__module__", "").startswith("minigrad.tensors"):
        return _methods()[name]
    return _at_runtime(value.__func__ if isinstance(value, classmethod) else value, skip_first=True)


@functools.cache
def _functions() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for stub in STUBS:
        for name, texts in _of_stub(_parsed(stub).body, skip_first=False).items():
            found.setdefault(name, texts)
    return found


@functools.cache
def _methods() -> dict[str, list[str]]:
    (cls,) = [
        node for node in _parsed("tensors/methods.pyi").body if isinstance(node, ast.ClassDef) and node.name == "Methods"
    ]
    return _of_stub(cls.body, skip_first=True)


def _parsed(stub: str) -> ast.Module:
    return ast.parse((Path(minigrad.__file__).parent / stub).read_text(encoding="utf-8"))


def _of_stub(body: list[ast.stmt], skip_first: bool) -> dict[str, list[str]]:
    """Return the signatures of each function, in which overloads for arrays and tensors are one."""
    found: dict[str, list[str]] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef):
            given = node.args
            for argument in [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]:
                if argument is not None:
                    argument.annotation = None
            given.args, given.posonlyargs = [*given.posonlyargs, *given.args][skip_first:], []
            own = tuple(argument.arg for argument in [*given.args, *given.kwonlyargs])
            for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
                if isinstance(default, ast.Constant) and default.value is ...:
                    default.value = _Shown(next((name for name in ALIASES.get(argument.arg, ()) if name in own), "..."))
            text = f"({ast.unparse(given)})"
            if text not in found.setdefault(node.name, []):
                found[node.name].append(text)
    return found


def _at_runtime(value: Any, skip_first: bool) -> list[str]:
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return []
    kinds = inspect.Parameter
    parameters = [p.replace(annotation=kinds.empty, default=_Shown.of(p.default)) for p in signature.parameters.values()]
    if parameters and skip_first:
        del parameters[0]
    parameters = [p.replace(kind=kinds.POSITIONAL_OR_KEYWORD) if p.kind is kinds.POSITIONAL_ONLY else p for p in parameters]
    return [str(inspect.Signature(parameters))]


class _Shown:
    """A default as a program would write it."""

    def __init__(self, text: str):
        self.text = text

    def __repr__(self) -> str:
        return self.text

    @classmethod
    def of(cls, value: Any) -> Any:
        if value is inspect.Parameter.empty:
            return value
        named = callable(value) and getattr(value, "__name__", None)
        return cls(named or (repr(value) if repr(value)[0] != "<" else "..."))
