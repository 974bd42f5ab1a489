"""What the table of calculus says of an operation: its rules, what it is composed of, or why it has no gradient.

Read from the source, without Sphinx, so that the tests can read it, too.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from minigrad.engine.composite import Composite
from minigrad.engine.primitive import Primitive
from minigrad.engine.registry import FUNCTIONS, UFUNCS
from minigrad.ops.sorting import nondifferentiable

NONE = "none: the result is piecewise constant"
INTEGERS = "none: the result is of integers or booleans"
ZERO = "0 wherever it exists"
MADE = "made of "
INDICES = {"bucketize", "flatnonzero", "nonzero", "searchsorted", "unravel_index"}  # composites whose results are indices


class Line(NamedTuple):
    """A line of a cell: words, then code; code of several lines is a block."""

    words: str
    code: str = ""


class Row(NamedTuple):
    names: tuple[str, ...]  # the first of them, and its other names
    meaning: str
    gradient: list[Line]


def room(name: str) -> ModuleType:
    """Return a module of `minigrad.ops`, where a function of the same name may stand in the namespace."""
    return importlib.import_module(f"minigrad.ops.{name}")


def rows(module: ModuleType) -> list[Row]:
    """Return the rows of a room of `ops`: public operations, others that have rules, and what answers NumPy alone."""
    operations = {n: value for n, value in vars(module).items() if n in module.__all__ or _is_listed(n, value, module)}
    names: dict[int, list[str]] = {}
    for name in sorted(operations, key=lambda name: (len(name), name)):
        names.setdefault(id(operations[name]), []).append(name)
    found = [Row(tuple(same), meaning(operations[same[0]]), gradient(operations[same[0]])) for same in names.values()]
    return sorted(found, key=lambda row: row.names[0].strip("_").lower())


def _is_listed(name: str, value: Any, module: ModuleType) -> bool:
    if not isinstance(value, Primitive | FunctionType) or (value.__module__, value.__name__) != (module.__name__, name):
        return False
    return bool(value.rules) if isinstance(value, Primitive) else not module.__all__ and value in FUNCTIONS.values()


def meaning(operation: Any) -> str:
    """Return the first line of a docstring; NumPy's begin with signatures."""
    lines = [line for line in (inspect.getdoc(operation) or "").splitlines() if line]
    return next((line for line in lines if not re.match(r"\w+\(.*\)$", line)), "").removesuffix(".").replace("`", "")


def gradient(operation: Any) -> list[Line]:
    """Return the cell of an operation."""
    if operation.__name__ in INDICES or (isinstance(operation, Primitive) and not operation.rules):
        return [Line(INTEGERS)]
    if isinstance(operation, Primitive):
        by_rule: dict[str, list[str]] = {}
        for name, rule in operation.rules.items():
            by_rule.setdefault(source_of(rule) if rule else ZERO, []).append(name)
        return [
            Line(f"{', '.join(inputs)}: {source}") if source == ZERO else Line(f"{', '.join(inputs)}: ", source)
            for source, inputs in by_rule.items()
        ]
    function = inspect.unwrap(operation.__wrapped__ if isinstance(operation, Composite) else operation)
    definition = _definition(function)
    returned = [node.value for node in ast.walk(definition) if isinstance(node, ast.Return) and node.value is not None]
    if all(_is_constant(value) for value in returned):
        return [Line(NONE)]
    parts = dict.fromkeys(part.__name__ for part in _parts(function, frozenset()))
    parts = [name for name in parts if name not in INDICES and name != operation.__name__]
    match _body(definition):
        case [ast.Return(value=value)] if value is not None and not any(name[0] == "_" for name in _names(value)):
            return [Line("= ", ast.unparse(value))]
    return [Line(MADE, ", ".join(parts))] if parts else [Line(INTEGERS)]


def source_of(rule: Callable[..., Any]) -> str:
    """Return what a rule returns, as it stands in the source; a rule of several statements in several lines."""
    match _definition(rule):
        case ast.Lambda(body=body):
            return ast.unparse(body)
        case definition:
            match _body(definition):
                case [ast.Return(value=value)] if value is not None:
                    return ast.unparse(value)
                case body:
                    return "\n".join(ast.unparse(statement) for statement in body)


def _is_constant(result: ast.expr) -> bool:
    """Return whether a result is that of `nondifferentiable`, or consists of such results."""
    match result:
        case ast.Call(func=ast.Name(id=name)) if name == nondifferentiable.__name__:
            return True
        case ast.Call(args=[_, *_] as parts) | ast.Tuple(elts=[_, *_] as parts):
            return all(_is_constant(part) for part in parts)
        case ast.Starred(value=part) | ast.ListComp(elt=part) | ast.GeneratorExp(elt=part):
            return _is_constant(part)
        case ast.IfExp(body=one, orelse=other):
            return _is_constant(one) and _is_constant(other)
    return False


def _names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _body(definition: ast.AST) -> list[ast.stmt]:
    """Return the statements of a function without its docstring."""
    assert isinstance(definition, ast.FunctionDef)
    start = 1 if ast.get_docstring(definition) is not None else 0
    return definition.body[start:]


@functools.cache
def _tree(path: str) -> ast.Module:
    return ast.parse(Path(path).read_text(encoding="utf-8"))


def _definition(function: Callable[..., Any]) -> ast.FunctionDef | ast.Lambda:
    """Return where the source defines a function; lambdas that share a line are told apart by the place of their body."""
    assert isinstance(function, FunctionType)
    code = function.__code__
    places = set(code.co_positions())
    for node in ast.walk(_tree(code.co_filename)):
        if isinstance(node, ast.FunctionDef):
            if min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) == code.co_firstlineno:
                return node
        elif isinstance(node, ast.Lambda):
            body = node.body
            if (body.lineno, body.end_lineno, body.col_offset, body.end_col_offset) in places:
                return node
    raise LookupError(f"{function.__qualname__} is not in {code.co_filename}")


def _parts(function: FunctionType, seen: frozenset[FunctionType]) -> Iterator[Primitive | Composite]:
    """Yield the operations with a gradient that a function calls, also through helpers of its room, but not for checks."""
    names = {**function.__globals__, **inspect.getclosurevars(function).nonlocals}
    definition = _definition(function)
    body = definition.body if isinstance(definition.body, list) else [definition.body]
    for node in (node for part in body if not _is_check(part) for node in ast.walk(part)):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                value = names.get(name)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if isinstance(names.get(name), ModuleType):
                value = getattr(names[name], attribute, None)
            case _:
                continue
        value = UFUNCS.get(value, value) if _is_hashable(value) else None
        value = FUNCTIONS.get(value, value) if value is not None else None
        if isinstance(value, Composite) or (isinstance(value, Primitive) and any(value.rules.values())):
            yield value
        elif isinstance(value, FunctionType) and value.__module__.startswith("minigrad.ops") and value not in seen:
            yield from _parts(inspect.unwrap(value), seen | {function, value})


def _is_check(statement: ast.AST) -> bool:
    """Return whether a statement only raises errors."""
    if isinstance(statement, ast.If):
        return isinstance(statement.body[-1], ast.Raise) and not statement.orelse
    return isinstance(statement, ast.Expr)


def _is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True
