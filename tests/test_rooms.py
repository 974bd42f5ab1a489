"""The rooms of the package: what imports what, what is private, and what `import minigrad` loads.

The map in docs/design.md is the law: a room imports only from rooms that come before it there.
"""

import ast
import functools
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad as mg
from minigrad.compat.paths import PATHS

ROOMS = (
    "array_api",
    "autograd",
    "data",
    "distributed",
    "distributions",
    "func",
    "interop",
    "models",
    "nn",
    "onnx",
    "optim",
    "serialization",
    "testing",
    "training",
    "utils",
    "viz",
)
HEAVY = (
    "matplotlib",
    "graphviz",
    "hypothesis",
    "tqdm",
    "torch",
    "safetensors",
    "mpi4py",
    "onnx",
    "pytest",
    "urllib.request",
    "zipfile",
    "numpy.random",
)


ROOT = Path(mg.__file__).parent
MAP = (ROOT.parent / "docs" / "design.md").read_text("utf-8").partition("## The map")[2].partition("## ")[0]
ORDER = [room for row in re.findall(r"^\| \d+ \|(.*)\|$", MAP, re.M) for room in re.findall(r"`(\w+)/?`(?=[:;, ]|$)", row)]
# Private names of the standard library and of NumPy that are documented for use.
DOCUMENTED = {"_asdict", "_fields", "_replace", "_getframe", "_make"}


@functools.cache
def modules():
    """The room, the path and the syntax tree of every module; the face of the package is no room."""
    rooms = {path: path.relative_to(ROOT).parts[0].removesuffix(".py") for path in sorted(ROOT.rglob("*.py"))}
    return [(room, path, ast.parse(path.read_text("utf-8"))) for path, room in rooms.items() if room != "__init__"]


def imported(tree):
    """The modules of the package that a module imports when it runs, inside functions too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == "minigrad")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "minigrad":
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            yield from imported(node)


def test_the_map_names_every_room_once():
    assert sorted(ORDER) == sorted({room for room, _, _ in modules()})


def test_rooms_import_only_what_comes_before_them():
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for room, path, tree in modules()
        for name in imported(tree)
        if (other := (name.split(".") + [""])[1]) in ORDER and other != room and ORDER.index(other) >= ORDER.index(room)
    ]
    assert not wrong


def test_no_circle_of_imports():
    """No module imports itself through others, imports inside functions included."""
    names = {path: ".".join(("minigrad", *path.relative_to(ROOT).with_suffix("").parts)) for _, path, _ in modules()}
    known = {name.removesuffix(".__init__"): path for path, name in names.items()}
    graph = {}
    for _, path, tree in modules():
        found = {known.get(name) or known.get(name.rpartition(".")[0]) for name in imported(tree)}
        graph[path] = found - {None, path}
    while free := [path for path, found in graph.items() if not found & graph.keys()]:
        for path in free:
            del graph[path]
    assert not graph, [str(path.relative_to(ROOT)) for path in graph]


def test_no_private_name_crosses_a_room():
    defined = {}  # by room: the private names that it defines
    for room, _, tree in modules():
        names = defined.setdefault(room, set())
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Name | ast.Attribute) and not isinstance(node.ctx, ast.Load):
                names.add(node.id if isinstance(node, ast.Name) else node.attr)
            elif isinstance(node, ast.Assign) and "__slots__" in ast.unparse(node.targets[0]):
                names |= set(ast.literal_eval(node.value))
    crossing = [
        f"{path.relative_to(ROOT)}: {name}"
        for room, path, tree in modules()
        for node in ast.walk(tree)
        for name in private(node, room)
        if name not in defined[room] and name not in DOCUMENTED
    ]
    assert not crossing


def private(node, room):
    """The private names of others that a node of a syntax tree mentions."""
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[1:2] != [room]:
        names = [alias.name for alias in node.names]
    else:
        names = [node.attr] if isinstance(node, ast.Attribute) else []
    return [name for name in names if name.startswith("_") and not name.startswith("__")]


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_import_takes_no_more_than_the_engine_and_its_networks():
    code = "import sys, minigrad; print(*(n for n in sys.modules if n.count('.') < 2))"
    found = set(run(code).split())
    assert not found & {f"minigrad.{room}" for room in ROOMS} and not found & set(HEAVY)
    assert {"minigrad.ops", "minigrad.tensors"} <= found


def test_every_room_is_there_when_it_is_asked_for():
    code = (
        "import sys, pickle, minigrad as mg\n"
        f"rooms = {ROOMS}\n"
        "shown = set(dir(mg))\n"
        "for name in (*rooms, 'load', 'save'):\n"
        "    assert name in shown and hasattr(mg, name), name\n"
        "for name in rooms:\n"
        "    assert getattr(mg, name) is sys.modules[f'minigrad.{name}'] and name in vars(mg), name\n"
        "assert mg.load is mg.serialization.load\n"
        "from minigrad import data, training, viz\n"
        "from minigrad.models import LeNet5\n"
        "import minigrad.interop as interop\n"
        "assert data is mg.data and interop is mg.interop and LeNet5 is mg.models.LeNet5\n"
        "net = pickle.loads(pickle.dumps(mg.models.SimpleConvNet()))\n"
        "print(type(net).__name__, len(dir(mg)) == len(set(dir(mg))))"
    )
    assert run(code) == "SimpleConvNet True\n"


def test_dir_shows_what_a_user_calls_and_nothing_else():
    """Functions, classes, dtypes, constants and the public modules: no helpers, no rooms of the implementation."""
    shown = {name: getattr(mg, name) for name in dir(mg)}
    modules = {name for name, value in shown.items() if inspect.ismodule(value)}
    public = {"autograd", "config", "errors", "func", "linalg", "nn", "ops", "optim", "random", "special"}
    namespaces = {path for path in PATHS if "." not in path}  # PyTorch's, of devices and the like
    assert modules == public | {*ROOMS} | namespaces
    names = shown.keys() - modules - {"__version__", "newaxis"}
    assert not [
        n
        for n in names
        if n[0] == "_" or not (callable(shown[n]) or isinstance(shown[n], float | mg.memory_format | mg.dtype))
    ]
    assert not [n for n in names if getattr(shown[n], "__module__", "") in ("typing", "collections.abc", "importlib")]


def test_unpickling_imports_what_it_needs(tmp_path):
    import pickle

    path = tmp_path / "net.pickle"
    path.write_bytes(pickle.dumps(mg.models.LeNet5()))
    code = f"import pickle; print(type(pickle.load(open({str(path)!r}, 'rb'))).__name__)"
    assert run(code) == "LeNet5\n"


def test_a_name_that_is_nowhere():
    with pytest.raises(AttributeError, match="module 'minigrad' has no attribute 'modles'"):
        mg.modles  # noqa: B018
    with pytest.raises(ImportError):
        from minigrad import modles  # noqa: F401
    assert not hasattr(mg, "__wrapped__")


@pytest.mark.parametrize("room", [mg, mg.ops], ids=["minigrad", "ops"])
def test_checkers_of_types_see_every_name(room):
    """PEP 484: imported names are private to a typed package, but for stars and aliases of the same name."""
    tree = ast.parse(Path(room.__file__).read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] != "typing"]
    assert len(imports) > 10
    for alias in (alias for node in imports for alias in node.names):
        assert alias.name == "*" or alias.asname in (alias.name, f"_{alias.name}"), alias.name
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.Assign) and "__all__" in ast.unparse(n) and n in tree.body]
