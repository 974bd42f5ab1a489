"""What a run folder holds, and the commands that read one."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad.cli import data_sources, main
from minigrad.training import evaluate

FEW = ["train", "--epochs", "2", "--limit-train", "200", "--limit-test", "50"]
DIGITS = mg.data.load_digits(flatten=False)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder in which one run was made, with all its pictures."""
    folder = tmp_path_factory.mktemp("runs")
    assert main([*FEW, "--out", str(folder / "run"), "--quiet", "--schedule", "cosine", "--clip", "5"]) == 0
    return folder


@pytest.fixture
def folder(trained, monkeypatch):
    monkeypatch.chdir(trained)
    return trained


def said(capsys, *argv):
    assert main(list(argv)) == 0
    return capsys.readouterr().out


def test_what_a_run_leaves(folder):
    pictures = ["confusion.png", "curves.png", "dreams.png", "feature_maps.png", "filters.png", "mistakes.png"]
    files = [
        "checkpoint.npz",
        "config.json",
        "gradients.csv",
        "graph.html",
        "graph.svg",
        "history.csv",
        "report.html",
        "summary.txt",
        "weights",
    ]
    assert sorted(os.listdir("run")) == sorted(pictures + files)
    config = json.loads(Path("run/config.json").read_text())
    assert config["command"] == (
        "minigrad train --limit-train=200 --limit-test=50 --epochs=2 --lr=0.005 --schedule=cosine --clip=5.0"
    )  # fmt: skip
    assert "SimpleConvNet on digits" in Path("run/report.html").read_text()
    assert Path("run/summary.txt").read_text().rstrip().endswith("saved for backward")
    assert [line.split(",")[0] for line in Path("run/gradients.csv").read_text().splitlines()] == ["epoch", "1", "2"]
    assert str(folder) not in Path("run/report.html").read_text().replace(f"--resume {folder}", "")


def test_the_command_of_a_run_gives_it_again(folder, capsys):
    import shlex

    command = json.loads(Path("run/config.json").read_text())["command"]
    assert main([*shlex.split(command)[1:], "--out", "again", "--quiet", "--no-report"]) == 0
    for name in ("init", "best", "last"):
        assert Path(f"again/weights/{name}.npz").read_bytes() == Path(f"run/weights/{name}.npz").read_bytes()
    assert not Path("again/report.html").exists()


def test_without_matplotlib_there_is_a_report_and_a_word(folder, capsys, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("matplotlib") or name == "minigrad.viz.figure"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main([*FEW, "--out", "bare"]) == 0
    err = capsys.readouterr().err
    assert "no pictures: pictures need matplotlib hint: pip install matplotlib, graph.svg, graph.html, report.html" in err
    assert Path("bare/report.html").is_file() and not list(Path("bare").glob("*.png"))
    assert main(["filters", "bare"]) == 1 and "pip install matplotlib" in capsys.readouterr().err


def test_predict(folder, capsys):
    (_, _), (x, t) = DIGITS
    lines = said(capsys, "predict", "run", "0", "7").splitlines()
    assert [line.split(":")[0] for line in lines] == ["0", "7"] and all(line.count("%") == 3 for line in lines)
    results = [json.loads(line) for line in said(capsys, "predict", "run", "3", "--json").splitlines()]
    assert results[0]["true"] == t[3] and sum(results[0]["probabilities"]) == pytest.approx(1, abs=1e-4)
    np.save("one.npy", x[3, 0])
    np.save("many.npy", x[3:5])
    for file, names in (("one.npy", ["one.npy"]), ("many.npy", ["many.npy[0]", "many.npy[1]"])):
        found = [json.loads(line) for line in said(capsys, "predict", "run", file, "--json").splitlines()]
        assert [r["image"] for r in found] == names and found[0]["probabilities"] == results[0]["probabilities"]
        assert "true" not in found[0]


def test_predict_prints_the_names_of_the_classes(folder, capsys, monkeypatch):
    line = said(capsys, "predict", "run", "0")
    load = data_sources.load
    monkeypatch.setattr(data_sources, "load", lambda *given: load(*given)._replace(names="abcdefghij"))
    renamed = re.sub(r"\b\d(?= \(|$)", lambda found: "abcdefghij"[int(found[0])], line.strip())
    assert said(capsys, "predict", "run", "0").strip() == renamed != line.strip()


def test_eval_and_filters_and_summary(folder, capsys):
    result = json.loads(said(capsys, "eval", "run", "--json"))
    net = mg.models.SimpleConvNet((1, 8, 8))
    net.load_state_dict(mg.load("run/weights/best.npz"))
    assert (result["test_loss"], result["test_accuracy"]) == evaluate(net, DIGITS[1][0][:50], DIGITS[1][1][:50])
    assert said(capsys, "filters", "run", "--out", "kernels.svg") == "kernels.svg\n"
    assert Path("kernels.svg").read_text().startswith("<?xml")
    about = json.loads(said(capsys, "filters", "run", "--json"))
    assert about == {"file": os.path.join("run", "filters.png"), "layer": "conv1.weight", "shape": [30, 1, 5, 5]}
    assert said(capsys, "summary", "run").splitlines()[-1].startswith("SimpleConvNet: 13,890 parameters")
    totals = json.loads(said(capsys, "summary", "simple-conv", "--json"))
    assert totals["parameters"] == 433_890 and [row["name"] for row in totals["layers"]][1] == "conv1"


def test_info(folder, capsys):
    found = json.loads(said(capsys, "info", "--json"))
    assert found["minigrad"] == mg.__version__ and found["numpy"] == np.__version__ and found["matplotlib"]
    assert "numpy" in said(capsys, "info")


def test_a_network_of_ones_own(folder, capsys):
    Path("mynets.py").write_text(
        "from minigrad import nn\n"
        "def Net(input_size, num_classes):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(input_size, num_classes))\n"
        "number = lambda: 3\n"
    )
    assert main([*FEW, "--model", "mynets:Net", "--out", "own", "--quiet", "--patience", "1"]) == 0
    assert main(["eval", "own", "--trust"]) == 0 and main(["predict", "own", "0", "--trust"]) == 0
    assert main(["summary", "own", "--trust"]) == 0 and main(["graph", "own", "--trust"]) == 0
    capsys.readouterr()
    for name, says in [
        ("simple-con", "did you mean 'simple-conv'?"),
        ("mynets:Nets", "has no attribute 'Nets'"),
        ("nowhere:Net", "No module named 'nowhere'"),
        ("mynets:number", "returned a int, not a Module"),
    ]:
        assert main([*FEW, "--model", name, "--out", "none"]) == 1
        assert says in capsys.readouterr().err and not Path("none").exists()


@pytest.mark.parametrize(
    "argv, says",
    [
        (["predict", "run", "50"], "there is no test image 50; they are 0..49"),
        (["predict", "run", "-1"], "there is no test image -1"),
        (["predict", "run", "nothing.npy"], "No such file"),
        (["predict", "run", "text.npy"], "text.npy: not a .npy file of numbers"),
        (["predict", "run", "objects.npy"], "not a .npy file of numbers"),
        (["predict", "run", "wide.npy"], "wide.npy: has shape (9, 9), the run's network takes images of (1, 8, 8)"),
        (["filters", "run", "--layer", "fc1.weight"], "no kernels fc1.weight in SimpleConvNet; there are conv1.weight"),
        (["train", "--resume", "run", "--lr", "1"], "leave out --lr"),
        (["train", "--resume", "run", "--out", "x"], "leave out --out"),
        (["train", "--resume", "nowhere"], "nowhere is not a run folder"),
        (["summary", "simple-conv", "--shape", "1", "9", "9"], "not an integer"),
    ],
)
def test_what_the_commands_refuse(folder, capsys, argv, says):
    Path("text.npy").write_text("no array")
    np.save("objects.npy", np.array([{}]), allow_pickle=True)
    np.save("wide.npy", np.zeros((9, 9)))
    assert main(argv) == 1
    err = capsys.readouterr().err
    assert says in err and "Traceback" not in err


def test_a_run_goes_on_for_more_epochs_and_only_with_its_data(folder, capsys):
    assert main([*FEW, "--out", "longer", "--quiet", "--no-report"]) == 0
    assert main(["train", "--resume", "longer", "--epochs", "4", "--quiet", "--no-report"]) == 0
    assert main([*FEW, "--epochs", "4", "--out", "four", "--quiet", "--no-report"]) == 0
    assert Path("longer/weights/last.npz").read_bytes() == Path("four/weights/last.npz").read_bytes()
    config = json.loads(Path("longer/config.json").read_text())
    assert config["arguments"]["epochs"] == 4
    config["data"]["sha256"] = "0"
    Path("longer/config.json").write_text(json.dumps(config))
    assert main(["train", "--resume", "longer"]) == 1 and "the data differ" in capsys.readouterr().err
    Path("longer/config.json").write_text("{}")
    assert main(["train", "--resume", "longer"]) == 1 and "not the configuration of a run" in capsys.readouterr().err
    Path("four/checkpoint.npz").unlink()
    assert main(["train", "--resume", "four"]) == 1 and "has no checkpoint.npz" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
def test_ctrl_c_saves_and_says_how_to_resume(folder):
    # All in processes of their own: this one may have another number of BLAS threads, on which some kernels' sums depend.
    environment = {**os.environ, "PYTHONPATH": str(Path(mg.__file__).parents[1]), "PATH": ""}
    train = [sys.executable, "-m", "minigrad", "train", "--no-report"]
    argv = [*train, "--epochs", "30", "--out", "broken"]
    process = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not Path("broken/weights/last.npz").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "continue with: minigrad train --resume broken" in err and "Traceback" not in err
    for rest in (["--resume", "broken"], ["--epochs", "30", "--out", "unbroken"]):
        subprocess.run([*train, "--quiet", *rest], env=environment, check=True, capture_output=True)
    for name in ("last", "best"):
        assert Path(f"broken/weights/{name}.npz").read_bytes() == Path(f"unbroken/weights/{name}.npz").read_bytes()
