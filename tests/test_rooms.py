"""What is built upon the rest is imported when it is first asked for, and then it is there as if it always had been."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad as mg

ROOMS = ("data", "interop", "models", "serialization", "testing", "training", "utils", "viz")  # above the networks
HEAVY = (
    "matplotlib",
    "graphviz",
    "hypothesis",
    "tqdm",
    "torch",
    "safetensors",
    "onnx",
    "pytest",
    "urllib.request",
    "zipfile",
)


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_import_takes_no_more_than_the_engine_and_its_networks():
    code = "import sys, minigrad; print(*(n for n in sys.modules if n.count('.') < 2))"
    found = set(run(code).split())
    assert not found & {f"minigrad.{room}" for room in ROOMS} and not found & set(HEAVY)
    assert {"minigrad.nn", "minigrad.optim", "minigrad.ops"} <= found


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
    assert modules == public | {*ROOMS}
    names = shown.keys() - modules - {"__version__", "accelerator", "backends", "cuda"}  # PyTorch's namespaces of devices
    assert not [n for n in names if n[0] == "_" or not (callable(shown[n]) or isinstance(shown[n], float))]
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
