"""Public names, parameters and defaults of PyTorch, read from PyTorch itself, and as frozen in `torch_2_13.txt`.

A line of the file is a name with its signatures, ``name(a, b=1) | (a, *, c)``, under the heading of its namespace; a name
without parentheses has none to compare: a constant, a module, a property.
"""

import ast
import importlib
import inspect
import re
import types
import typing
from pathlib import Path

FILE = Path(__file__).with_name("torch_2_13.txt")
ROOMS = (
    "torch", "torch.Tensor", "torch.nn", "torch.nn.Module", "torch.nn.functional", "torch.nn.init", "torch.nn.utils",
    "torch.nn.utils.parametrizations", "torch.nn.utils.parametrize", "torch.nn.utils.rnn", "torch.linalg", "torch.special",
    "torch.optim", "torch.optim.Optimizer", "torch.optim.lr_scheduler", "torch.autograd", "torch.autograd.functional",
    "torch.func", "torch.utils.data", "torch.distributions",
)  # fmt: skip


def frozen():
    """Return {namespace: {name: [signature, ...]}} as the file has it; a signature is a text."""
    rooms = {}
    for line in FILE.read_text("utf-8").splitlines():
        if line.startswith("["):
            names = rooms[line.strip("[]")] = {}
        elif line:
            name, bracket, rest = line.partition("(")
            names[name] = [text.strip()[1:-1] for text in (bracket + rest).split(" | ")] if bracket else []
    return rooms


def written(rooms):
    """Return the text of the file for what `frozen` and `live` return."""
    lines = []
    for room, names in rooms.items():
        lines += ["", f"[{room}]"]
        lines += [name + " | ".join(f"({text})" for text in texts) for name, texts in sorted(names.items())]
    return "\n".join(lines[1:]) + "\n"


def live():
    """Return the same of the PyTorch that is installed."""
    import torch

    home = Path(torch.__file__).parent
    stubs = {
        "torch": _stub(home / "_C/_VariableFunctions.pyi"),
        "torch.Tensor": _stub(home / "_C/__init__.pyi", "TensorBase"),
        "torch.nn.functional": _stub(home / "nn/functional.pyi"),
    }
    return {room: _room(room, _found(room), stubs.get(room, {})) for room in ROOMS}


def _found(room):
    try:
        return importlib.import_module(room)
    except ImportError:  # a class
        home, _, name = room.rpartition(".")
        return getattr(importlib.import_module(home), name)


def _room(room, home, stub):
    listed = None if room in ("torch", "torch.nn") else getattr(home, "__all__", None)
    out = {}
    for name in listed or dir(home):
        thing = inspect.getattr_static(home, name) if isinstance(home, type) else getattr(home, name)
        if name[0] != "_" and (listed or isinstance(home, type) or _is_its_own(thing)):
            out[name] = _signatures(name, thing, stub)
            if room == "torch.nn" and hasattr(thing, "forward"):
                out[f"{name}.forward"] = _signatures("forward", thing.forward, {})
    return out


def _is_its_own(thing):
    """Whether an attribute of a module is PyTorch's, not imported from Python's library or NumPy."""
    if isinstance(thing, types.ModuleType):
        return thing.__name__.startswith("torch.")
    if isinstance(thing, bool | dict):  # TYPE_CHECKING, parts of docstrings
        return False
    home = getattr(thing, "__module__", None)
    return not isinstance(home, str) or home.startswith("torch") or isinstance(thing, types.BuiltinFunctionType)


def _signatures(name, thing, stub):
    function = getattr(thing, "__func__", thing)
    if isinstance(function, types.ModuleType | property) or not (callable(function) or inspect.isroutine(function)):
        return []
    if not isinstance(function, types.FunctionType) and name in stub:
        return stub[name]
    text = _inspected(function)
    if text is None or re.fullmatch(r"\*args, \*\*kwargs", text):  # in C, or chosen by an argument
        init = getattr(function, "__init__", None)
        overloads = typing.get_overloads(init) if isinstance(init, types.FunctionType) else []
        text = stub.get(name) or [_inspected(f) for f in overloads[:1]] or _documented(name, function)
    return text if isinstance(text, list) else [text]


def _inspected(function):
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    if parameters and parameters[0].name in ("self", "cls"):
        parameters = parameters[1:]
    plain = [
        p.replace(annotation=p.empty, default=p.default if p.default is p.empty else _Text(p.default)) for p in parameters
    ]
    return str(inspect.Signature(plain))[1:-1]


class _Text(str):
    """A default that `inspect` prints as it is read back; the address of an object is left out."""

    def __new__(cls, value):
        shown = value.__name__ if isinstance(value, type | types.FunctionType) else repr(value)
        return super().__new__(cls, "..." if " at 0x" in shown or shown[0] == "<" else shown)

    __repr__ = str.__str__


def _documented(name, function):
    """Read the signature from the first line of a docstring."""
    line = re.search(rf"\b{re.escape(name)}\((.*?)\) *(->|\n|$)", str(function.__doc__))
    if not line:
        return []
    try:
        call = ast.parse(f"def f({re.sub(r' *: *[^,=]+(?=[,=]|$)', '', line[1])}): ...").body[0]
    except SyntaxError:
        return []
    return [_arguments(call.args)]


def _stub(path, cls=None):
    """Read {name: [signature, ...]} of the functions of a stub file, or of the methods of a class in it."""
    tree = ast.parse(path.read_text("utf-8"))
    if cls:
        tree = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == cls)
    found = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            if not cls and any(argument.arg == "self" for argument in node.args.args):
                continue  # a deprecated order of arguments
            if cls and (node.args.args or node.args.posonlyargs):
                (node.args.posonlyargs or node.args.args).pop(0)
            text = _arguments(node.args)
            texts = found.setdefault(node.name, [])
            if text not in texts:
                texts.append(text)
    return found


def _arguments(arguments):
    for argument in ast.walk(arguments):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    return ast.unparse(arguments)


if __name__ == "__main__":
    FILE.write_text(written(live()), "utf-8")
