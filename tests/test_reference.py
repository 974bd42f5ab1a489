"""The reference documents what `dir` shows: every public name once, with a signature and a documentation."""

import collections
import doctest
import importlib
import inspect
import re
import types

import pytest

import minigrad
from docs._extensions import examples, public, signatures
from minigrad.cli import COMMANDS
from tests.test_public_names import LISTED, find

CLASSES = [name for name in LISTED if isinstance(find(name), type)]
DESCRIBED = [entry for namespace in public.NAMESPACES for entry in public.entries(namespace) if entry.same is None]

UNTRIED = {  # whose examples need what a run of the tests may lack
    "minigrad.models.AlexNet",  # 240 MB and seconds
    "minigrad.data.load_mnist",  # the original files
    "minigrad.data.datasets.MNIST",  # likewise
    "minigrad.serialization.load_safetensors",  # the library safetensors
    "minigrad.serialization.save_safetensors",  # likewise
}


def test_the_reference_has_every_namespace():
    known = {*public.NAMESPACES, *public.SAME}
    modules = {f"minigrad.{n}" for n in dir(minigrad) if isinstance(getattr(minigrad, n), types.ModuleType)}
    assert modules - known == set()
    assert set(LISTED) - set(CLASSES) - known == set()


@pytest.mark.parametrize("namespace", public.NAMESPACES)
def test_every_name_is_on_one_page_once(namespace):
    documented = collections.Counter(
        name
        for block in public.blocks()
        if block.namespace == namespace
        for entry in block.entries()
        for name in entry.names
    )
    assert documented == dict.fromkeys(public.public_names(namespace), 1)
    missing = {name for name in LISTED.get(namespace, ()) if name not in documented}
    assert all(isinstance(getattr(find(namespace), name), types.ModuleType) for name in missing), missing


@pytest.mark.parametrize("name", CLASSES)
def test_every_attribute_of_a_class_is_described_with_it_or_its_base(name):
    cls = find(name)
    mro = [base for base in cls.__mro__ if base.__module__.startswith("minigrad")]
    described = {member.name for base in mro for member in public.members(base)}
    assert {attribute for attribute in dir(cls) if attribute[0] != "_"} - described == set()


@pytest.mark.parametrize("namespace", [name for name in public.SAME if name.startswith("minigrad")])
def test_names_of_other_paths_are_described(namespace):
    module = importlib.import_module(namespace)
    if public.SAME[namespace].startswith("minigrad"):
        for name in public.public_names(namespace):
            value = getattr(module, name)
            assert not callable(value) or public.described(value), name


@pytest.mark.parametrize("entry", DESCRIBED, ids=lambda entry: f"{entry.namespace}.{entry.names[0]}")
def test_what_is_described_has_a_signature_and_a_documentation(entry):
    if not callable(entry.value) or entry.home in public.BY_PYTHON:
        return
    assert inspect.getdoc(entry.value)
    assert signatures.signatures(entry.value, entry.names[0]) or issubclass(entry.value, Exception)
    for member in public.members(entry.value) if isinstance(entry.value, type) else ():
        assert public.is_plain(member.value) or inspect.getdoc(member.value), member.name
        assert signatures.method_signatures(member.value, member.name) or not callable(member.value), member.name


def test_signatures_are_those_that_users_write():
    assert signatures.signatures(minigrad.sum, "sum") == [
        "(x, axis=None, keepdims=False, dtype=None, *, dim=axis, keepdim=keepdims)"
    ]
    assert "(x, other)" in signatures.signatures(minigrad.max, "max")
    assert signatures.method_signatures(minigrad.Tensor.float, "float") == ["()"]
    assert signatures.signatures(minigrad.manual_seed, "manual_seed") == ["(seed)"]


def test_every_function_and_class_has_an_example():
    called = [entry for entry in DESCRIBED if callable(entry.value) and entry.home not in public.BY_PYTHON]
    shown = {f"{e.namespace}.{e.names[0]}": inspect.getdoc(e.value) + "\n".join(examples.example(e)) for e in called}
    assert len(called) > 1000 and [name for name, text in shown.items() if ">>>" not in text] == []
    tried = {name: doctest.DocTestParser().get_examples(text) for name, text in shown.items() if "+SKIP" in text}
    assert {name for name, tries in tried.items() if all(doctest.SKIP in t.options for t in tries)} == UNTRIED
    assert [name for name, program in examples.PROGRAMS.items() if not examples.with_result(program.split("\n"))] == []


def test_examples_run_after_the_imports_that_programs_begin_with():
    """As the pages show them: a docstring's own file defines more names."""
    page = (public.REFERENCE / "index.md").read_text("utf-8").split("```python")[1].partition("```")[0]
    described = [(entry, entry.value) for entry in DESCRIBED if entry.home not in public.BY_PYTHON]
    described += [(e, m.value) for e in DESCRIBED if isinstance(e.value, type) for m in public.members(e.value)]
    runner, said, space = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS), [], {}
    exec(page, space)
    for entry, value in described:
        shown = "\n".join(examples.with_prefixes((inspect.getdoc(value) or "").splitlines(), entry.home))
        if ">>>" in shown:
            name = f"{entry.namespace}.{entry.names[0]}"
            runner.run(doctest.DocTestParser().get_doctest(shown, dict(space), name, None, None), out=said.append)
    assert runner.tries > 900 and said == []


def test_every_command_is_on_the_page_of_commands():
    page = (public.REFERENCE / "command.md").read_text("utf-8")
    assert re.findall(r'show_help\("(\w+)"\)', page) == re.findall(r"## minigrad (\w+)", page) == list(COMMANDS)


def test_an_example_is_a_call_with_what_it_returns():
    entries = {entry.names[0]: entry for entry in reversed(DESCRIBED)}  # of the first namespace
    assert examples.example(entries["sqrt"]) == [">>> mg.sqrt(mg.tensor([0.25, 0.81]))", "tensor([0.5000, 0.9000])"]
    assert examples.example(entries["AvgPool1d"]) == [">>> nn.AvgPool1d(2)(mg.randn(2, 4, 8)).shape", "(2, 4, 4)"]
    assert examples.example(entries["conv2d"]) == []  # its docstring has one
