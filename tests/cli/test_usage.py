"""What the command line says of mistyped words, of numbers out of range, of shapes and of networks that are none."""

from pathlib import Path

import pytest

from minigrad.cli import main
from minigrad.cli.arguments import join_sizes, shape

NETS = """from minigrad import nn
class Few(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(64, 5)
    def forward(self, x):
        return self.fc(x.flatten(1))
class Silent(Few):
    def forward(self, x):
        super().forward(x)
class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Linear(64, 10)]
    def forward(self, x):
        return self.layers[0](x.flatten(1))
class Needs(nn.Module):
    def __init__(self, width):
        super().__init__()
ready = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
number = 3
"""
QUICK = ["--epochs", "1", "--limit-train", "40", "--limit-test", "20", "--no-report", "--quiet", "--out", "run"]


@pytest.fixture
def nets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "usage_nets", raising=False)
    Path("usage_nets.py").write_text(NETS)


def usage(capsys, *argv):
    with pytest.raises(SystemExit) as left:
        main(argv)
    assert left.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    "argv, says",
    [
        (["trian"], "there is no command 'trian'; did you mean 'train'?"),
        (["frobnicate"], "there is no command 'frobnicate'; see minigrad --help"),
        (["--versoin"], "unknown option '--versoin'; did you mean '--version'?"),
        (["train", "--epochz", "3"], "unknown option '--epochz'; did you mean '--epochs'?"),
        (["train", "--batchsize=3"], "unknown option '--batchsize=3'; did you mean '--batch-size'?"),
        (["train", "digits"], "unknown argument 'digits'"),
        (["train", "--seed", "-1"], "argument --seed: must be at least 0, got -1"),
        (["train", "--seed", "x"], "argument --seed: must be an integer of at least 0, got 'x'"),
        (["train", "--epochs", "1.5"], "argument --epochs: must be an integer of at least 1, got '1.5'"),
        (["train", "--lr", "fast"], "argument --lr: must be a number, got 'fast'"),
        (["gradcheck", "minigrad:log", "--shape", "3", "--seed", "-1"], "must be at least 0, got -1"),
        (["gradcheck", "minigrad:log", "--shape", "3", "--range", "3"], "must be two numbers, such as 0.5,3, got '3'"),
        (["gradcheck", "minigrad:log", "--shape", "3", "--range", "3,1"], "the first number must be below the second"),
        (["gradcheck", "minigrad:sum", "--shape", "3", "--set", "dim"], "must be NAME=VALUE, such as stride=2, got 'dim'"),
        (["gradcheck", "minigrad:logg", "--shape", "3"], "has no attribute 'logg'; did you mean 'log'?"),
        (["gradcheck", "minigrad:matmul", "--shape", "3,4", "--shape", "4,2", "--set", "foo=3"],
         "matmul(x, y) cannot be called with 2 inputs, foo=3: got an unexpected keyword argument 'foo'"),
        (["gradcheck", "minigrad:matmul", "--shape", "3,4"], "with 1 inputs: missing a required argument: 'y'"),
        (["summary", "lenet", "--shape", "1,x"], "must be sizes as 1,28,28 or 1x28x28 or 1 28 28, got '1,x'"),
        (["summary", "lenet", "--batch-size", "0"], "must be at least 1, got 0"),
        (["graph", "lenet", "--depth", "all"], "argument --depth: must be an integer of at least 0, got 'all'"),
    ],
)  # fmt: skip
def test_wrong_usage(argv, says, capsys):
    last = usage(capsys, *argv)
    assert says in last and "_" not in last.partition("error: ")[2].replace("_count'", "")


@pytest.mark.parametrize(
    "name, says",
    [
        ("math:sin", "math:sin: cannot be called to make a network: missing a required argument: 'x'\n  hint: give its"),
        ("math:pi", "math:pi: is a float, not a Module"),
        ("pathlib:Path", "pathlib:Path: is the class Path, not a Module"),
        ("usage_nets:number", "is a int, not a Module"),
        (
            "usage_nets:Few",
            "must return (1, 10), a score for each class, for one image; it returned (1, 5)\n  hint: take",
        ),
        ("usage_nets:Silent", "must return a tensor of scores (N, 10), it returned a NoneType"),
        ("usage_nets:Plain", "Plain has none registered\n  hint: Plain.layers is a plain list of modules"),
        ("usage_nets:Needs", "missing a required argument: 'width'"),
        ("usage_nets:Fwe", "has no attribute 'Fwe'; did you mean 'Few'?"),
        ("usage_nets.py:Few", "did you mean usage_nets:Few?"),
        ("usage_nets:", "there is no network 'usage_nets:'"),
        (":Few", "there is no network ':Few'"),
        ("lenett", "there is no network 'lenett'"),
    ],
)
def test_networks_that_are_none(nets, name, says, capsys):
    assert main(["train", "--model", name, *QUICK]) == 1
    err = capsys.readouterr().err
    assert says in err and err.startswith("minigrad train: ") and "Traceback" not in err and not Path("run").exists()


def test_a_module_that_is_there_already(nets, capsys):
    assert main(["train", "--model", "usage_nets:ready", *QUICK]) == 0


@pytest.mark.parametrize("text", ["1,28,28", "1x28x28", "1 28 28", "(1, 28, 28)", "1, 28 ,28,"])
def test_one_way_to_read_a_shape(text):
    assert shape(text) == (1, 28, 28)


def test_a_shape_of_several_arguments():
    assert join_sizes(["summary", "--shape", "1", "28", "28", "lenet"]) == ["summary", "--shape", "1 28 28", "lenet"]
    assert join_sizes(["graph", "--input", "1,3", "--input", "3:int64", "x"]) == [
        "graph",
        "--input",
        "1,3",
        "--input",
        "3:int64",
        "x",
    ]
    assert join_sizes(["predict", "run", "1", "2"]) == ["predict", "run", "1", "2"] and shape("") == ()


@pytest.mark.parametrize("given", [["--shape", "1,28,28"], ["--shape", "1x28x28"], ["--shape", "1", "28", "28"], []])
def test_graph_and_summary_take_the_same(given, capsys):
    assert main(["summary", *given, "lenet"]) == 0
    assert "61,706 parameters" in capsys.readouterr().out
    assert main(["graph", "lenet", *given]) == 0
    assert capsys.readouterr().out.startswith("LeNet5 output: ")


def test_graph_of_a_network_of_other_images(capsys):
    assert main(["graph", "simple-conv", "--input", "2,3,32,32"]) == 0
    assert "2×3×32×32" in capsys.readouterr().out
    assert main(["graph", "simple-conv", "--shape", "3x32x32", "--classes", "7"]) == 0
    out = capsys.readouterr().out
    assert "1×3×32×32" in out and "output = n" in out and "1×7" in out
    assert main(["summary", "lenet", "--shape", "28,28"]) == 1
    assert "lenet: takes images (C, H, W), got (28, 28)" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["train", "eval", "predict", "filters", "graph", "summary", "gradcheck", "info"])
def test_help_is_for_a_terminal(command, capsys):
    with pytest.raises(SystemExit) as left:
        main([command, "-h"])
    out = capsys.readouterr().out
    assert left.value.code == 0 and "``" not in out and ":class:" not in out


def test_gradcheck_of_what_returns_no_tensor(capsys):
    assert main(["gradcheck", "builtins:print", "--shape", "3"]) == 1
    assert "builtins:print: print: must return a tensor" in capsys.readouterr().err
