"""The command line, run as a user runs it: results on stdout, talk on stderr, exit codes that mean something."""

import csv
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import minigrad
from minigrad.cli import main

QUICK = ["train", "--epochs", "2", "--limit-train", "200", "--limit-test", "50", "--no-report"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_train_leaves_a_run_that_eval_reads(folder, capsys):
    assert main([*QUICK, "--out", "run"]) == 0
    out = capsys.readouterr().out
    assert "1x8x8, 10 classes, bundled (UCI optical digits)" in out and "13,890" not in out.splitlines()[0]
    assert [line.split()[0] for line in out.splitlines()[4:6]] == ["1", "2"]
    assert out.splitlines()[-1].startswith("test accuracy") and out.rstrip().endswith("run")
    config = json.loads(Path("run/config.json").read_text())
    assert config["arguments"]["seed"] == 0 and len(config["data"]["sha256"]) == 64
    assert (config["data"]["train"], config["data"]["validation"], config["data"]["test"]) == (180, 20, 50)
    assert sorted(os.listdir("run/weights")) == ["best.npz", "init.npz", "last.npz"]
    with Path("run/history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 and all((20 * float(row["val_acc"])) % 1 < 1e-4 for row in rows)  # of the validation images
    assert main(["eval", "run"]) == 0
    assert capsys.readouterr().out.split()[2] == out.splitlines()[-1].split()[2].rstrip(",")


def test_the_test_images_choose_nothing(folder, capsys):
    """The result is that of the weights that are best in validation; without validation, that of the last."""
    epochs = ["--epochs", "8", "--lr", "0.05"]
    results = {}
    for share in ("0.3", "0"):
        assert main([*QUICK, *epochs, "--val-fraction", share, "--out", share, "--json"]) == 0
        results[share] = json.loads(capsys.readouterr().out)
        assert main(["eval", share, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["test_accuracy"] == results[share]["test_accuracy"]
    with Path("0.3/history.csv").open() as file:
        rows = list(csv.DictReader(file))
    best = max(rows, key=lambda row: (float(row["val_acc"]), -float(row["val_loss"])))
    assert results["0.3"]["epoch"] == int(best["epoch"])
    assert results["0.3"]["validation_accuracy"] == pytest.approx(float(best["val_acc"]), rel=1e-5)
    assert results["0"]["epoch"] == 8 and results["0"]["validation_accuracy"] is None
    with Path("0/history.csv").open() as file:
        last = list(csv.DictReader(file))[-1]
    assert results["0"]["test_accuracy"] == pytest.approx(float(last["val_acc"]), rel=1e-5)
    best, last = (Path("0/weights", f"{name}.npz").read_bytes() for name in ("best", "last"))
    assert best == last


def test_too_few_images_for_a_share_leave_none_for_validation(folder, capsys):
    assert main([*QUICK, "--limit-train", "9", "--out", "run", "--quiet"]) == 0
    assert "after the last epoch" in capsys.readouterr().out
    assert json.loads(Path("run/config.json").read_text())["data"]["train"] == 9
    with pytest.raises(SystemExit):
        main([*QUICK, "--val-fraction", "1"])
    assert "at least 0 and below 1, got '1'" in capsys.readouterr().err


@pytest.mark.parametrize("schedule", [[], ["--schedule", "cosine"]])
def test_the_commands_of_a_resumed_run_repeat_it_to_the_bit(folder, schedule, capsys):
    """A cosine of two epochs, resumed for two more, is not one of four."""
    assert main([*QUICK, *schedule, "--out", "run", "--quiet"]) == 0
    assert main(["train", "--resume", "run", "--epochs", "4", "--quiet", "--no-report"]) == 0
    commands = json.loads(Path("run/config.json").read_text())["command"].splitlines()
    assert len(commands) == 1 + len(schedule) // 2
    commands[0] += "" if schedule else " --out=again"
    for command in commands:
        assert main([*shlex.split(command)[1:], "--quiet", "--no-report"]) == 0
    for name in ("best", "last"):
        assert Path("again/weights", f"{name}.npz").read_bytes() == Path("run/weights", f"{name}.npz").read_bytes()


def test_a_seed_repeats_the_run(folder, capsys):
    def losses(name, *options):
        assert main([*QUICK, "--out", name, "--quiet", *options]) == 0
        with Path(name, "history.csv").open() as file:
            return [row["loss"] for row in csv.DictReader(file)]

    first = losses("a")
    assert losses("b") == first and losses("c", "--seed", "1") != first
    assert len(capsys.readouterr().out.splitlines()) == 3  # quiet: the result alone


def test_json_is_all_there_is_on_stdout(folder, capsys):
    assert main([*QUICK, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["epochs"] == 2 and 0 <= result["test_accuracy"] <= 1 and Path(result["run"]).is_dir()
    assert result["run"].startswith("runs") and result["run"].endswith("-digits")


@pytest.mark.parametrize(
    "argv, says",
    [
        (["eval", "nowhere"], "nowhere is not a run folder"),
        ([*QUICK, "--out", "there"], "there is already there"),
        (["train", "--data", "mnist", "--root", "empty"], "train-images-idx3-ubyte[.gz] is not in empty"),
        ([*QUICK, "--lr", "-1"], "lr must be a finite number"),
    ],
)
def test_errors_are_one_sentence_and_code_1(folder, capsys, argv, says):
    Path("there").mkdir()
    assert main(argv) == 1
    out, err = capsys.readouterr()
    assert says in err and err.startswith(f"minigrad {argv[0]}: ") and "Traceback" not in err and "test accuracy" not in out
    assert not Path("runs").exists() or not os.listdir("runs")


@pytest.mark.parametrize("argv", [[], ["trian"], ["train", "--epochs", "0"], ["train", "--optimizer", "adma"]])
def test_wrong_usage_is_code_2(argv, capsys):
    with pytest.raises(SystemExit) as exit:
        main(argv)
    assert exit.value.code == 2 and "usage: minigrad" in capsys.readouterr().err


def test_an_interruption_is_code_130_and_keeps_whole_epochs(folder, capsys, monkeypatch):
    trainer = minigrad.training.Trainer
    step = trainer.train_step
    calls = []

    def interrupted(self, x, t):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return step(self, x, t)

    monkeypatch.setattr(trainer, "train_step", interrupted)
    assert main([*QUICK, "--out", "run"]) == 130
    err = capsys.readouterr().err
    assert (
        "interrupted in epoch 2; continue with: minigrad train --resume run" in err
        and Path("run/weights/last.npz").is_file()
    )
    monkeypatch.setattr(trainer, "train_step", step)
    assert main(["train", "--resume", "run", "--quiet"]) == 0 and main([*QUICK, "--out", "whole", "--quiet"]) == 0
    timeless = [
        [line.rsplit(",", 2)[0] for line in Path(run, "history.csv").read_text().splitlines()] for run in ("run", "whole")
    ]
    assert timeless[0] == timeless[1]
    assert Path("run/weights/last.npz").read_bytes() == Path("whole/weights/last.npz").read_bytes()


def test_a_changed_dataset_is_noticed(folder, capsys):
    assert main([*QUICK, "--out", "run", "--quiet"]) == 0
    config = json.loads(Path("run/config.json").read_text())
    config["data"]["sha256"] = "0" * 64
    Path("run/config.json").write_text(json.dumps(config))
    assert main(["eval", "run"]) == 0 and "data differ" in capsys.readouterr().err
    Path("run/config.json").write_text("{}")
    assert main(["eval", "run"]) == 1 and "not the configuration of a run" in capsys.readouterr().err


def test_the_module_is_the_command(folder):
    def run(*argv):
        environment = {**os.environ, "PATH": "", "PYTHONPATH": str(Path(minigrad.__file__).parents[1])}
        return subprocess.run([sys.executable, "-m", "minigrad", *argv], env=environment, capture_output=True, text=True)

    assert run("--version").stdout == f"minigrad {minigrad.__version__}\n"
    assert run("--help").stdout.count("minigrad train") >= 2 and run("train", "--help").returncode == 0
    done = run(*QUICK, "--json")
    assert done.returncode == 0 and done.stderr == "" and json.loads(done.stdout)["epochs"] == 2
