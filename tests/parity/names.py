"""Comparison of PyTorch's public names, parameters and defaults with ours.

What is missing stands in `missing.txt`, arguments that differ in `differences.txt`, each under a reason.
``python -m tests.parity.names`` rewrites both: what is no longer true leaves, what is new joins under "not yet".
"""

import ast
import contextlib
import importlib
import inspect
import re
import textwrap
import warnings
from pathlib import Path
from typing import NamedTuple

import minigrad
from minigrad.engine.arguments import names_for
from tests.parity.torch_names import ROOMS, frozen

MISSING, DIFFERENT = (Path(__file__).with_name(f"{name}.txt") for name in ("missing", "differences"))
PYTORCH = {f"{room}.{name}": texts for room, names in frozen().items() for name, texts in names.items()}
NOT_YET = "not yet"


class Parameter(NamedTuple):
    """A parameter of PyTorch: its name, its kind and its default, None if there is none to compare."""

    name: str
    by_position: bool
    default: tuple[object] | None


def signature(text):
    """Return the parameters of a signature as the file has it; without *args and **kwargs."""
    arguments = ast.parse(f"def f({text}): ...").body[0].args
    placed = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(placed) - len(arguments.defaults)) + arguments.defaults + arguments.kw_defaults
    return [
        Parameter(a.arg, a in placed, _value(default))
        for a, default in zip(placed + arguments.kwonlyargs, defaults, strict=True)
    ]


def _value(node):
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return None
    return (tuple(value) if isinstance(value, list) else value,)


def found(name):
    """Return our object of a name of PyTorch; raise AttributeError if there is none."""
    thing = minigrad
    for part in name.split(".")[1:]:
        with warnings.catch_warnings(action="ignore"):  # of a name that PyTorch has replaced
            if inspect.ismodule(thing) and not hasattr(thing, part):
                with contextlib.suppress(ImportError):  # a module that nobody has imported yet
                    importlib.import_module(f"{thing.__name__}.{part}")
            thing = getattr(thing, part)
    return thing


def exists(name):
    """Whether we have a name of PyTorch."""
    try:
        found(name)
    except AttributeError:
        return False
    return True


def accepted(name, function):
    """Return our parameters in order, and every name that an argument may have, with that of the signature."""
    parameters = list(inspect.signature(function).parameters.values())
    if parameters and parameters[0].name == "self":
        parameters = parameters[1:]
    if name.endswith(".forward"):  # by `Module.__call__`
        return parameters, names_for(tuple(p.name for p in parameters))
    known = getattr(function, "known", None) or getattr(getattr(function, "__wrapped__", None), "known", {})
    if hasattr(function, "known") and "out" not in known:  # which every operation takes, see engine/out.py
        parameters.append(inspect.Parameter("out", inspect.Parameter.KEYWORD_ONLY, default=None))
    return parameters, known | {p.name: p.name for p in parameters if known or p.kind is not p.POSITIONAL_ONLY}


def differences(name):
    """Yield where a call in PyTorch's words meets something else here: ("NAME(PARAMETER) KIND", what is here)."""
    function = found(name)
    theirs = [parameters for text in PYTORCH[name] if (parameters := signature(text))]
    if not theirs:
        return
    ours, known = accepted(name, function)
    operation = name.startswith("torch.Tensor.") and hasattr(function, "__wrapped__")
    if operation and "self" not in inspect.signature(function).parameters:  # its operation: without the tensor
        ours = ours[1:]
    for parameters in theirs:
        for parameter, kind, here in compared(parameters, ours, known):
            yield f"{name}({parameter}) {kind}", here


def compared(theirs, ours, known):
    """Yield (parameter, "name" or "position" or "default", what is here instead) for two lists of parameters.

    A function with **options decides when it is called.
    """
    by_name = {p.name: p for p in ours}
    variadic, keywords = (
        any(p.kind is kind for p in ours) for kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    )
    placed = [p.name for p in ours if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    for place, parameter in enumerate(theirs):
        own = known.get(parameter.name)
        if own not in by_name:
            if not keywords:
                yield parameter.name, "name", "none"
            continue
        if parameter.by_position and not variadic and placed[place : place + 1] != [own]:
            yield parameter.name, "position", placed[place] if place < len(placed) else "only by name"
        default, kind = by_name[own].default, by_name[own].kind
        if default is inspect.Parameter.empty:
            if parameter.default and kind not in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
                yield parameter.name, "default", "required"
        elif parameter.default and default != parameter.default[0]:
            yield parameter.name, "default", repr(default)


def absent():
    """Return the names of PyTorch that we lack; of a class that is absent, its methods do not count."""
    return [name for name in PYTORCH if not name.endswith(".forward") and not exists(name)]


def listed_names():
    """Return {reason: [pattern, ...]} of the missing names: a line is a namespace and the names in it."""
    room, reasons = "", {}
    for reason, lines in _sections(MISSING).items():
        patterns = reasons[reason] = []
        for line in lines:
            start, colon, rest = line.partition(": ")
            room, names = (start, rest) if colon else (room, line)
            patterns += [f"{room}.{name}" for name in names.split()]
    return reasons


def listed_differences():
    """Return every pattern of a difference, as ``torch.cross(dim) default``: one in each line."""
    return [line for lines in _sections(DIFFERENT).values() for line in lines]


def _sections(path):
    sections = {}
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("## "):
            lines = sections[line[3:]] = []
        elif line.strip() and line[0] != "#":
            lines.append(line)
    return sections


def matching(pattern, names):
    """Return the names, or differences, that a pattern stands for; * and ? do not reach into another namespace."""
    regex = re.compile(re.escape(pattern).replace(r"\*", "[^.]*").replace(r"\?", "[^.]"))
    return [name for name in names if regex.fullmatch(name)]


def prune_names():
    """Rewrite the list of missing names: without those that exist by now, with those that are new."""
    left, reasons = absent(), listed_names()
    kept = {reason: [p for p in patterns if matching(p, left)] for reason, patterns in reasons.items()}
    known = {name for patterns in kept.values() for p in patterns for name in matching(p, left)}
    kept.setdefault(NOT_YET, []).extend(name for name in left if name not in known)
    text = "".join(line for line in MISSING.read_text("utf-8").splitlines(True) if line.startswith("# "))
    for reason, patterns in kept.items():
        rooms = {}
        for pattern in sorted(patterns, key=str.lower):
            room, _, name = pattern.rpartition(".")
            rooms.setdefault(room, []).append(name)
        lines = [
            textwrap.fill(f"{room}: {' '.join(rooms[room])}", 125, subsequent_indent="  ") for room in ROOMS if room in rooms
        ]
        text += "\n".join(["", f"## {reason}", *lines, ""]) if lines else ""
    MISSING.write_text(text, "utf-8")


def prune_differences():
    """Rewrite the list of differences: without those that are gone, with those that are new."""
    found = [key for name in PYTORCH if exists(name) for key, _ in differences(name)]
    lines = DIFFERENT.read_text("utf-8").splitlines()
    lines = [line for line in lines if not line or line[0] == "#" or matching(line, found)]
    known = {key for line in lines if line and line[0] != "#" for key in matching(line, found)}
    lines += dict.fromkeys(key for key in found if key not in known)
    DIFFERENT.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    prune_names()
    prune_differences()
