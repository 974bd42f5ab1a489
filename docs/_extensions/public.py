"""What the reference documents: the public names of every namespace, where each is defined, and where it is described.

Read without Sphinx, so that the tests can compare the pages with the namespaces.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from minigrad import ops

REFERENCE = Path(__file__).parents[1] / "reference"

# A name that several namespaces have is described in the first of these, with the prefix that programs use.
NAMESPACES = {
    "minigrad.nn.functional": "F",
    "minigrad": "mg",
    "minigrad.linalg": "mg.linalg",
    "minigrad.special": "mg.special",
    "minigrad.nn": "nn",
    "minigrad.nn.init": "nn.init",
    "minigrad.nn.utils": "nn.utils",
    "minigrad.nn.utils.parametrizations": "nn.utils.parametrizations",
    "minigrad.nn.utils.parametrize": "nn.utils.parametrize",
    "minigrad.nn.utils.rnn": "nn.utils.rnn",
    "minigrad.nn.parallel": "nn.parallel",
    "minigrad.optim": "optim",
    "minigrad.optim.lr_scheduler": "optim.lr_scheduler",
    "minigrad.autograd": "mg.autograd",
    "minigrad.autograd.functional": "mg.autograd.functional",
    "minigrad.autograd.graph": "mg.autograd.graph",
    "minigrad.func": "mg.func",
    "minigrad.data": "mg.data",
    "minigrad.data.datasets": "mg.data.datasets",
    "minigrad.data.transforms": "mg.data.transforms",
    "minigrad.data.toys": "mg.data.toys",
    "minigrad.models": "mg.models",
    "minigrad.training": "mg.training",
    "minigrad.serialization": "mg.serialization",
    "minigrad.onnx": "mg.onnx",
    "minigrad.viz": "mg.viz",
    "minigrad.testing": "mg.testing",
    "minigrad.testing.mutants": "mg.testing.mutants",
    "minigrad.testing.strategies": "mg.testing.strategies",
    "minigrad.distributions": "mg.distributions",
    "minigrad.distributions.constraints": "mg.distributions.constraints",
    "minigrad.array_api": "mg.array_api",
    "minigrad.array_api.linalg": "mg.array_api.linalg",
    "minigrad.interop": "mg.interop",
    "minigrad.interop.book": "mg.interop.book",
    "minigrad.interop.hips": "mg.interop.hips",
    "minigrad.interop.hips.extend": "mg.interop.hips.extend",
    "minigrad.interop.hips.misc": "mg.interop.hips.misc",
    "minigrad.interop.hips.misc.optimizers": "mg.interop.hips.misc.optimizers",
    "minigrad.random": "mg.random",
    "minigrad.config": "mg.config",
    "minigrad.errors": "mg.errors",
    "minigrad.utils": "mg.utils",
    "minigrad.utils.checkpoint": "mg.utils.checkpoint",
    "minigrad.amp": "mg.amp",
    "minigrad.backends": "mg.backends",
    "minigrad.cuda": "mg.cuda",
    "minigrad.distributed": "mg.distributed",
    "minigrad.hub": "mg.hub",
    "minigrad.jit": "mg.jit",
    "minigrad.version": "mg.version",
}
# Namespaces whose every name is described elsewhere: under another path of PyTorch's, or by Python.
SAME = {
    "minigrad.ops": "minigrad",
    "minigrad.utils.data": "minigrad.data",
    "minigrad.accelerator": "minigrad.cuda",
    "minigrad.mps": "minigrad.cuda",
    "minigrad.xpu": "minigrad.cuda",
    "minigrad.compiler": "minigrad.jit",
    "minigrad.fx": "minigrad.jit",
    "minigrad.multiprocessing": "multiprocessing",
    "minigrad.numpy": "numpy",
    "minigrad.scipy": "scipy",
}
BY_PYTHON = {"numpy", "numpy.linalg", "typing"}  # homes of what others document


class Entry(NamedTuple):
    """A public object of a namespace, under all its names there."""

    namespace: str
    names: tuple[str, ...]  # the first is the one it is described under
    value: Any
    home: str  # where it is defined: "ops.elementwise", "nn.convolution"
    same: tuple[str, str] | None  # the namespace and the name under which it is described, if not here


def public_names(namespace: str) -> list[str]:
    """Return the names of a namespace: those that it lists, else those that `dir` shows, but no files of the package."""
    module = importlib.import_module(namespace)
    names = getattr(module, "__all__", None) if namespace != "minigrad" else None
    names = [name for name in (names or dir(module)) if name[0] != "_"]
    return sorted(name for name in names if not _is_file(getattr(module, name)))


def _is_file(value: Any) -> bool:
    return isinstance(value, ModuleType) and value.__name__ not in {*NAMESPACES, *SAME}


@functools.cache
def entries(namespace: str) -> tuple[Entry, ...]:
    """Return what a namespace has, sorted by name."""
    module = importlib.import_module(namespace)
    found: dict[Any, list[str]] = {}
    for name in public_names(namespace):
        value = getattr(module, name)
        found.setdefault(id(value) if _is_described_once(value) else name, []).append(name)
    result = []
    for names in found.values():
        value = getattr(module, names[0])
        names.sort(key=lambda name: (name != getattr(value, "__name__", "") or _is_numpys(name), len(name), name))
        at = _described(id(value)) if _is_described_once(value) else None
        same = at if at != (namespace, names[0]) else None
        result.append(Entry(namespace, tuple(names), value, home(value, names[0]), same))
    return tuple(sorted(result, key=lambda entry: entry.names[0].lower()))


def _is_numpys(name: str) -> bool:
    """Return whether an operation is described under PyTorch's name, not under this one, that of its ufunc."""
    return (
        name in {"absolute", "concatenate", "multiply", "subtract", "negative", "power", "true_divide"} or name[:3] == "arc"
    )


def _is_described_once(value: Any) -> bool:
    return callable(value) or isinstance(value, ModuleType)


@functools.cache
def _all_described() -> dict[int, tuple[str, str]]:
    at: dict[int, tuple[str, str]] = {}
    for namespace in NAMESPACES:
        module = importlib.import_module(namespace)
        groups: dict[int, list[str]] = {}
        for name in public_names(namespace):
            groups.setdefault(id(getattr(module, name)), []).append(name)
        for key, names in groups.items():
            value = getattr(module, names[0])
            names.sort(key=lambda name: (name != getattr(value, "__name__", "") or _is_numpys(name), len(name), name))
            at.setdefault(key, (namespace, names[0]))
    return at


def described(value: Any) -> tuple[str, str]:
    """Return the namespace and the name under which an object is described; raise KeyError if it is not public."""
    return _all_described()[id(value)]


def _described(key: int) -> tuple[str, str] | None:
    return _all_described().get(key)


@functools.cache
def _rooms_of_ops() -> dict[int, str]:
    rooms = [importlib.import_module(f"minigrad.ops.{path.stem}") for path in Path(ops.__file__).parent.glob("[a-z]*.py")]
    return {id(getattr(room, name)): room.__name__ for room in rooms for name in room.__all__}


def home(value: Any, name: str) -> str:
    """Return the file that defines a value, as "nn.convolution"; "numpy" for its dtypes, "" for constants."""
    module = _rooms_of_ops().get(id(value)) or getattr(value, "__module__", None) or getattr(value, "__name__", "")
    return str(module).removeprefix("minigrad.") if isinstance(module, str) else ""


class Member(NamedTuple):
    """An attribute of a class; `of` is the operation that a method applies, if it has no documentation of its own."""

    name: str
    value: Any
    of: Any


def members(cls: type) -> list[Member]:
    """Return the public attributes of a class that no described base class has."""
    if issubclass(cls, BaseException) or not cls.__module__.startswith("minigrad"):
        return []
    described = [base for base in cls.__mro__[1:] if _described(id(base)) and _described(id(base)) != _described(id(cls))]
    inherited = {name for base in described for name in dir(base)}
    ours = {name for base in cls.__mro__ if base.__module__.startswith("minigrad") for name in vars(base)}
    found = []
    for name in sorted(set(dir(cls)) & ours - inherited):
        if name[0] != "_":
            value = inspect.getattr_static(cls, name)
            if not isinstance(value, property | staticmethod | classmethod) and callable(getattr(cls, name)):
                value = getattr(cls, name)
            applied = getattr(value, "__wrapped__", None)
            is_same = _described(id(applied)) and inspect.getdoc(value) == inspect.getdoc(applied)
            found.append(Member(name, value, applied if is_same else None))
    return found


def is_plain(value: Any) -> bool:
    """Return whether a value is shown, because it has no documentation of its own."""
    return value is None or isinstance(value, bool | int | float | str | tuple | list | dict | set | frozenset | np.dtype)


class Block(NamedTuple):
    """A directive of a page: the namespace, and which of its entries."""

    namespace: str
    homes: frozenset[str]  # the files that define them; none: all that no block names
    names: tuple[str, ...]  # in the order of the page

    def entries(self) -> list[Entry]:
        """Return the entries of the block."""
        if self.names:
            by_name = {name: entry for entry in entries(self.namespace) for name in entry.names}
            return list(dict.fromkeys(by_name[name] for name in self.names))
        taken = {name for block in blocks() if block.namespace == self.namespace for name in block.names}
        left = [entry for entry in entries(self.namespace) if not taken & set(entry.names)]
        return [entry for entry in left if not self.homes or entry.home in self.homes]


BLOCK = re.compile(r"^```\{reference\} ([\w.]+)\n((?::\w+: .*\n)*)```$", re.MULTILINE)


def block(namespace: str, options: dict[str, str]) -> Block:
    """Return a block, given the options of its directive."""
    return Block(namespace, frozenset(options.get("from", "").split()), tuple(options.get("names", "").split()))


@functools.cache
def pages() -> dict[str, tuple[Block, ...]]:
    """Return the blocks of every page of the reference."""
    return {
        path.stem: tuple(
            block(found[1], dict(re.findall(r"^:(\w+): (.*)$", found[2], re.MULTILINE)))
            for found in BLOCK.finditer(path.read_text(encoding="utf-8"))
        )
        for path in sorted(REFERENCE.glob("*.md"))
    }


def blocks() -> list[Block]:
    """Return the blocks of all pages."""
    return [block for page in pages().values() for block in page]
