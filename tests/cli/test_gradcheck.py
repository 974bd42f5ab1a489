"""minigrad gradcheck: exit codes, reports, JSON, and the ways to say what to check on what."""

import json
import subprocess
import sys

import pytest

from minigrad.cli import main

OPS = """
import numpy as np
import minigrad as mg
from minigrad.testing import OpSpec, Sample

@mg.primitive
def softsign(x, scale=1.0):
    return x / (scale + np.abs(x))

@softsign.gradient("x")
def _(g, x, scale):
    return g * scale / (scale + np.abs(x)) ** 2

softsign.samples = [(np.array([0.5, -2.0]),), Sample((np.ones((2, 3)),), {"scale": 2.0})]

@mg.primitive
def wrong(x):
    return x**3

@wrong.gradient("x")
def _(g, x):
    return 2 * g * x**2

def drawn(x):
    return x * x

def integers(x):
    return x * x

integers.samples = [(np.array([1, 2]),)]

def untried(x):
    return x * x

untried.samples = []

def unlisted(x):
    return x * x

unlisted.samples = [3]

def misshapen(x):
    return misshaping(x)

@mg.primitive
def misshaping(x):
    return x * x

@misshaping.gradient("x")
def _(g, x):
    return g[:, None, None] @ x

net = mg.nn.Linear(3, 2).double()

def broken(x):
    raise LookupError("no such thing")

drawn.samples = lambda rng: [(rng.standard_normal(n),) for n in (1, 2)]

def draw(rng):
    return Sample((rng.standard_normal((2, 3)),))

right_spec = OpSpec("tanh", mg.tanh, np.tanh, draw)
wrong_spec = OpSpec("cube", wrong, lambda x: x**3, draw)
number = 3
"""


@pytest.fixture
def ops(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_ops.py").write_text(OPS)
    yield tmp_path
    sys.modules.pop("my_ops", None)


def test_a_right_function(capsys):
    assert main(["gradcheck", "minigrad:matmul", "--shape", "3,4", "--shape", "4,2", "--second"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("matmul: gradient, form,") and "the gradient of matmul: gradient holds" in out and not err
    assert main(["gradcheck", "minigrad:tanh", "--shape", "", "--checks", "none", "--dtype", "float32"]) == 0
    assert capsys.readouterr().out.startswith("tanh: gradient holds")


@pytest.mark.parametrize("module", ["my_ops", "my_ops.py"])
def test_a_wrong_function(ops, capsys, module):
    assert main(["gradcheck", f"{module}:wrong", "--shape", "3"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("wrong: the gradient of input 0 is wrong: every entry is 0.6667 times the numeric one")
    assert "to reproduce it" in out
    assert main(["gradcheck", f"{module}:softsign"]) == 0
    assert capsys.readouterr().out.count("hold") == 2


def test_samples_that_are_drawn_and_options(ops, capsys):
    assert main(["gradcheck", "my_ops:drawn", "--seed", "3"]) == 0
    assert capsys.readouterr().out.count("drawn:") == 2
    assert main(["gradcheck", "my_ops:softsign", "--shape", "2,2", "--set", "scale=0.5"]) == 0
    assert main(["gradcheck", "minigrad:log", "--shape", "5", "--range", "0.5,3"]) == 0
    assert (
        main(["gradcheck", "minigrad.nn.functional:mse_loss", "--shape", "5", "--shape", "5", "--set", "reduction=sum"]) == 0
    )


def test_json(ops, capsys):
    assert main(["gradcheck", "my_ops:wrong", "--shape", "3", "--json"]) == 1
    record = json.loads(capsys.readouterr().out)
    assert record["passed"] is False and record["failures"][0]["check"] == "gradient"
    assert record["failures"][0]["analytic"] == pytest.approx(2 / 3 * record["failures"][0]["numeric"])
    assert main(["gradcheck", "minigrad:log", "--shape", "2", "--range=-2,-1", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["worst"] == {}


def test_what_compares_nothing_is_an_error(ops, capsys):
    assert main(["gradcheck", "minigrad:floor", "--shape", "0"]) == 1
    assert "floor: the inputs to differentiate have no elements: nothing was checked" in capsys.readouterr().err
    assert main(["gradcheck", "my_ops:integers", "--second"]) == 1
    said = capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main(["gradcheck", "my_ops:untried"])
    assert stopped.value.code == 2 and "my_ops:untried has no `samples`" in capsys.readouterr().err
    assert not said.out and "integers has no array or tensor of floats to differentiate; given int64 (2,)" in said.err


def test_specs(ops, capsys):
    assert main(["gradcheck", "my_ops:right_spec"]) == 0
    assert capsys.readouterr().out == "tanh: all holds\n"
    assert main(["gradcheck", "my_ops:wrong_spec"]) == 1
    assert "spec 'cube', facet 'gradient', seed 0" in capsys.readouterr().out
    assert main(["gradcheck", "my_ops:wrong_spec", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["passed"] is False
    assert main(["gradcheck", "my_ops:right_spec", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["passed"] is True


def test_a_kink_is_an_error_that_a_sentence_explains(ops, capsys):
    code = "import numpy as np\nimport minigrad as mg\ndef f(x):\n    return mg.relu(x)\nf.samples = [(np.zeros(3),)]\n"
    (ops / "kinked.py").write_text(code)
    assert main(["gradcheck", "kinked.py:f"]) == 1
    assert "has a kink" in capsys.readouterr().err
    assert main(["gradcheck", "kinked.py:f", "--kinks", "bracket"]) == 0


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("my_ops:misshapen", "my_ops:misshapen: matmul: "),
        ("my_ops:broken", "my_ops:broken: no such thing"),
        ("builtins:len", "builtins:len: len: must return a tensor or several, got int"),
    ],
)
def test_what_fails_in_the_function_is_a_line(ops, capsys, function, says):
    assert main(["gradcheck", function, "--shape", "3"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"minigrad gradcheck: {says}") and "Traceback" not in said
    assert ("in the gradient rule of 'x' of misshaping, " in said) == (function == "my_ops:misshapen")


def test_a_network_with_its_parameters(ops, capsys):
    assert main(["gradcheck", "my_ops:net", "--shape", "4,3", "--second", "--json"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["names"][:3] for record in records] == [["input 0", "weight", "bias"]] * 2


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["matmul", "--shape", "2"], "'matmul' is not MODULE:FUNCTION"),
        (["minigrad:nothing", "--shape", "2"], "has no attribute 'nothing'"),
        (["no_such_module:f", "--shape", "2"], "No module named 'no_such_module'"),
        (["no_such_file.py:f", "--shape", "2"], "no_such_file.py"),
        (["my_ops:number"], "is a int, not a function or an OpSpec"),
        (["minigrad:tanh"], "has no `samples`: give the shape of each input with --shape"),
        (["minigrad:tanh", "--shape", "a,b"], "must be sizes as 1,28,28 or 1x28x28 or 1 28 28, got 'a,b'"),
        (["minigrad:tanh", "--mode", "fast"], "invalid choice"),
        (["minigrad:nn", "--shape", "2"], "minigrad:nn is a module, not a function or an OpSpec"),
        (
            ["minigrad:tanh", "--shape", "2", "--set", "slope=1"],
            "slope=1: got an unexpected keyword argument 'slope'",
        ),
        (["minigrad.nn:Linear", "--shape", "2"], "missing a required argument: 'out_features'"),
        (["minigrad:tanh", "--steps", "3"], "unknown option '--steps'"),
        (["my_ops:unlisted"], "my_ops:unlisted: `samples` must be a list of tuples of arguments, got [3]"),
        (["minigrad:tanh", "--shape", "2", "--checks", "speed"], "argument --checks: checks must be"),
    ],
)
def test_wrong_usage(ops, capsys, arguments, says):
    with pytest.raises(SystemExit) as ended:
        main(["gradcheck", *arguments])
    assert ended.value.code == 2 and says in capsys.readouterr().err


def test_a_function_of_the_folder_one_is_in(ops):
    done = subprocess.run(
        [sys.executable, "-m", "minigrad", "gradcheck", "my_ops:softsign"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
