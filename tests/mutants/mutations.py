"""Small changes to the text of a module, one at a time: each of them should make a test fail.

What is only said (docstrings, annotations, the texts of errors, names in strings) is left alone. An unreachable change, or
one that every program would notice at once, such as a name that is never bound, is not made either.
"""

from __future__ import annotations

import ast
import contextlib
import functools
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
OPPOSITES = {"min": "max", "max": "min", "any": "all", "all": "any"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
SAVING = {
    "out",
    "strict",
    "stacklevel",
}  # options by which nothing is computed: buffers, a second lock, the line of a warning
SAID = ("annotation", "returns", "decorator_list", "type_comment", "exc", "msg")  # fields that hold no computation


@dataclass(frozen=True)
class Mutant:
    """One change: where it is, what it is, and the lines by which tests that may notice it are found."""

    path: Path
    line: int
    what: str
    lines: range  # of the expression or the statement; of the function where it is a default, ...
    inside: bool  # of a function's body, so that functions that live can be given the changed code
    code: CodeType
    defaults: tuple[int, str, dict[str, object]] | None  # of the function (its first line, its name) whose default it is


@dataclass(frozen=True)
class Place:
    """Where a walk is: the innermost function, class and so on around a node."""

    lines: range
    inside: bool = False
    function: ast.FunctionDef | ast.AsyncFunctionDef | None = None  # whose defaults these are


def names_of(path: Path) -> list[str]:
    """The line and the change of every mutant of a module, in the order of `mutants_of`."""
    return [f"{line}: {what}" for line, what, _ in _changed(ast.parse(path.read_text(encoding="utf-8")))]


def mutants_of(path: Path, chosen: Container[int] | None = None) -> Iterator[Mutant]:
    """The mutants of a module, all of them or those with the numbers `chosen`, in the order of its lines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for i, (line, what, where) in enumerate(_changed(tree)):
        if chosen is not None and i not in chosen:
            continue
        ast.fix_missing_locations(tree)
        try:
            code = compile(tree, str(path), "exec")
        except SyntaxError:
            continue
        defaults = _defaults(where.function) if where.function else None
        yield Mutant(path, line, what, where.lines, where.inside, code, defaults)


def _changed(tree: ast.Module) -> Iterator[tuple[int, str, Place]]:
    return _walk(tree, Place(range(1, (tree.body[-1].end_lineno or 1) + 1) if tree.body else range(0)))


def _defaults(function: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[int, str, dict[str, object]]:
    """A function's first line and name, and the defaults that can be read off."""
    given, found = function.args, {}
    options = [*given.posonlyargs, *given.args][len(given.posonlyargs) + len(given.args) - len(given.defaults) :]
    for option, value in [
        *zip(options, given.defaults, strict=True),
        *zip(given.kwonlyargs, given.kw_defaults, strict=True),
    ]:
        with contextlib.suppress(ValueError):
            if value is not None:
                found[option.arg] = ast.literal_eval(value)
    return min([function.lineno, *(d.lineno for d in function.decorator_list)]), function.name, found


def _walk(node: ast.AST, place: Place) -> Iterator[tuple[int, str, Place]]:
    """Change one thing below a node, yield while it is changed, and change it back."""
    for field, value in ast.iter_fields(node):
        if field in SAID or _is_said(node, field):
            continue
        where = _place(node, field, place)
        if isinstance(value, ast.AST):
            yield from _slot(node, field, functools.partial(setattr, node, field), value, where)
        elif isinstance(value, list):
            for i, item in enumerate(value):
                if isinstance(item, ast.AST) and not _is_docstring(field, i, item):
                    yield from _slot(node, field, functools.partial(value.__setitem__, i), item, where)


def _slot(parent, field, put, node: ast.AST, place: Place) -> Iterator[tuple[int, str, Place]]:
    here = place
    if isinstance(node, ast.stmt | ast.expr) and place.inside:
        last = node.body[0].lineno - 1 if isinstance(node, ast.stmt) and hasattr(node, "body") else node.end_lineno
        here = Place(range(node.lineno, max(node.lineno, last or 0) + 1), True)
    for what, new in _changes(parent, field, node, here.inside):
        put(ast.copy_location(new, node))
        yield _line(node), what, here
        put(node)
    yield from _arguments(node, here)
    yield from _walk(node, here)


def _line(node: ast.AST) -> int:
    return node.target.lineno if isinstance(node, ast.comprehension) else getattr(node, "lineno", 0)


def _place(node: ast.AST, field: str, place: Place) -> Place:
    if isinstance(node, FUNCTIONS):
        lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
        if field == "body" or place.inside:
            return Place(lines, True)
        return Place(lines, function=None if isinstance(node, ast.Lambda) else node)
    if isinstance(node, ast.ClassDef) and not place.inside:
        return Place(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return place


def _is_said(node: ast.AST, field: str) -> bool:
    """An annotation, or what only a type checker runs, or the text of an error or of a part of a string."""
    if isinstance(node, ast.If):
        return field == "body" and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    if isinstance(node, ast.keyword):
        return node.arg in SAVING
    return isinstance(node, ast.JoinedStr | ast.Import | ast.ImportFrom | ast.Global | ast.Nonlocal)


def _is_docstring(field: str, i: int, node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _changes(parent, field, node, inside: bool) -> Iterator[tuple[str, ast.AST]]:
    text = functools.cache(lambda: " ".join(ast.unparse(node).split())[:100])

    def swap(**fields):
        new = type(node)(**{**dict(ast.iter_fields(node)), **fields})
        return (
            f"{text()}  ->  {' '.join(ast.unparse(ast.fix_missing_locations(ast.copy_location(new, node))).split())[:100]}",
            new,
        )

    match node:
        case ast.Compare():
            for i, op in enumerate(node.ops):
                for other in COMPARISONS[type(op)]:
                    yield swap(ops=[*node.ops[:i], other(), *node.ops[i + 1 :]])
        case ast.BoolOp():
            yield swap(op=ast.And() if isinstance(node.op, ast.Or) else ast.Or())
        case ast.BinOp() if inside and type(node.op) in OPERATORS and not _is_text(node):
            yield swap(op=OPERATORS[type(node.op)]())
        case ast.UnaryOp(op=ast.USub() | ast.Not()):
            yield f"{text()}  ->  {ast.unparse(node.operand)}", node.operand
        case ast.Constant(value=bool(value)):
            yield f"{value}  ->  {not value}", ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield f"{value}  ->  {value + 1}  in {_around(parent)}", ast.Constant(value + 1)
            if value == 1:
                yield f"1  ->  0  in {_around(parent)}", ast.Constant(0)
        case ast.Constant(value=float(value)):
            yield f"{value}  ->  {value + 1}  in {_around(parent)}", ast.Constant(value + 1)
        case ast.Name(id=name) if name in OPPOSITES and isinstance(parent, ast.Call) and field == "func":
            yield f"{_around(parent)}: {name}  ->  {OPPOSITES[name]}", ast.Name(OPPOSITES[name], ast.Load())
        case ast.comprehension() if node.ifs:
            yield f"{_around(node)}: without its condition", ast.comprehension(node.target, node.iter, [], node.is_async)
        case ast.Return(value=value) if value is not None and not (isinstance(value, ast.Constant) and value.value is None):
            yield f"{text()}  ->  return None", ast.Return(ast.Constant(None))
        case ast.Break():
            yield "break  ->  continue", ast.Continue()
        case ast.Continue():
            yield "continue  ->  break", ast.Break()
        case ast.stmt() if _can_go(parent, node, inside):
            yield f"without: {text()}", ast.Pass()
    if field == "test" and isinstance(parent, ast.If | ast.IfExp | ast.While) and inside:
        yield f"if {text()}  ->  if False", ast.Constant(False)
        if not isinstance(parent, ast.While):
            yield f"if {text()}  ->  if True", ast.Constant(True)


def _arguments(node: ast.AST, place: Place) -> Iterator[tuple[int, str, Place]]:
    """A call without one of its options."""
    if isinstance(node, ast.Call) and place.inside:
        for i, option in enumerate(node.keywords):
            if option.arg is not None and option.arg not in SAVING:
                node.keywords.pop(i)
                yield option.value.lineno, f"{_around(node)}: without {ast.unparse(option)[:60]}", place
                node.keywords.insert(i, option)


def _can_go(parent: ast.AST, node: ast.stmt, inside: bool) -> bool:
    """Whether a statement can be left out of a function, and the names of what follows are bound nevertheless."""
    match node:
        case _ if not inside:
            return False
        case ast.Raise():  # alone under a condition, it goes with the condition
            return not (isinstance(parent, ast.If) and parent.body == [node])
        case ast.Expr() | ast.AugAssign() | ast.Delete():
            return not isinstance(getattr(node, "value", None), ast.Yield | ast.YieldFrom | ast.Constant)
        case ast.Assign(targets=[target], value=value):
            names = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}
            return isinstance(target, ast.Attribute | ast.Subscript) or (isinstance(target, ast.Name) and target.id in names)
        case ast.AnnAssign(target=ast.Attribute()):
            return node.value is not None
    return False


def _is_text(node: ast.BinOp) -> bool:
    sides = (node.left, node.right)
    return any(isinstance(s, ast.JoinedStr) or (isinstance(s, ast.Constant) and isinstance(s.value, str)) for s in sides)


def _around(node: ast.AST) -> str:
    try:
        return " ".join(ast.unparse(node).split())[:80]
    except (AttributeError, ValueError):
        return type(node).__name__
