"""Run folders from somebody else: damaged configurations end in one sentence, and none runs code unasked.

``MINIGRAD_TRIES=20000 pytest tests/cli/test_run_folders.py`` tries more of them.
"""

import copy
import json
import os
import random
import shutil
import sys
from pathlib import Path

import pytest

import minigrad as mg
from minigrad.cli import main
from minigrad.errors import DatasetFileError
from minigrad.training import Run

TRIES = int(os.environ.get("MINIGRAD_TRIES", 300))
COMMANDS = (["eval"], ["predict", "0"], ["filters"], ["summary"], ["graph"], ["train", "--resume"])
ODD = [
    None, True, False, 0, 1, -1, 2, 10, 1.0, 2.5, -0.0, 1e308, 10**30, 10**4000, float("inf"), float("nan"), "", "0", "\0",
    "a\0b", "\ud800", "\udcff", "x" * 5000, "\x1b[31m", "../..", "/", "adam", "cosine", "digits", "simple-conv", "lenet",
    "affine", "alexnet-small", "minigrad.models:ResNet18", "minigrad.models:os", "os:getcwd", "intruder:Net", ":", "a:",
    [], {}, [1, 8, 8], [[]], [None], ["digits"], {"digits": 1}, {"name": "digits"},
]  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a run that is finished, and a module that must never be imported."""
    folder = tmp_path_factory.mktemp("runs")
    few = ["train", "--epochs", "1", "--limit-train", "40", "--limit-test", "20", "--no-report", "--quiet"]
    assert main([*few, "--out", str(folder / "run")]) == 0
    (folder / "intruder.py").write_text("raise SystemExit('the code of the folder ran')\n")
    return folder


@pytest.fixture
def folder(trained, tmp_path, monkeypatch):
    """A copy of that folder, of a user who is nowhere and cannot download anything."""
    shutil.copytree(trained, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("MINIGRAD_DATA", raising=False)
    monkeypatch.setattr("urllib.request.urlopen", _no_network)
    monkeypatch.setattr("minigrad.training.Trainer.train", lambda trainer: None)
    return tmp_path / "copy"


def _no_network(*args, **options):
    raise OSError("no network")


def places(tree, path=()):
    """The path of every value within nested dicts and lists."""
    yield path
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield from places(value, (*path, key))


def altered(config, rng):
    """The configuration with one to three values replaced, removed, renamed or wrapped."""
    tree = copy.deepcopy(config)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        *path, key = rng.choice(list(places(tree))[1:] or [(None,)])
        owner = tree
        for step in path:
            owner = owner[step]
        if key is None:
            continue
        how = rng.randrange(6)
        if how == 0:
            del owner[key]
        elif how == 1:
            owner[key] = [owner[key]]
        elif how == 2 and isinstance(owner, dict):
            owner[rng.choice(["", "x", "run", "parser", "defaults", "out", key.upper()])] = owner.pop(key)
        else:
            owner[key] = copy.deepcopy(rng.choice(ODD))
    return tree


def mutant(config, rng):
    """The bytes of a damaged config.json."""
    if rng.random() < 0.7:
        return json.dumps(altered(config, rng)).encode()
    text = json.dumps(config).encode()
    at, how = rng.randrange(len(text)), rng.randrange(8)
    if how == 0:
        return text[:at]
    if how == 1:
        return text[:at] + bytes([text[at] ^ 1 << rng.randrange(8)]) + text[at + 1 :]
    if how == 2:
        return text[:at] + rng.randbytes(rng.randrange(9)) + text[at + rng.randrange(9) :]
    if how == 3:
        return text.decode().encode(rng.choice(["utf-16", "utf-32", "utf-8-sig", "utf-16-be"]))
    deep = rng.choice([10, 900, 3000, 100_000])
    nest = [b"[" * deep + b"]" * deep, b'{"a":' * deep + b"1" + b"}" * deep, b"[" * deep, b"9" * deep][how - 4]
    value = json.dumps(rng.choice([v for v in config["arguments"].values() if v is not None])).encode()
    return rng.choice([nest, text.replace(value, nest, 1), text[:-1] + b', "more": ' + nest + b"}"])


def test_no_damaged_configuration_ends_in_a_traceback(folder, capsys):
    rng, path = random.Random(0), Path("run/config.json")
    config = json.loads(path.read_text())
    codes = []
    for i in range(TRIES):
        data = mutant(config, rng)
        path.write_bytes(data)
        command, *rest = COMMANDS[i % len(COMMANDS)]
        argv = [command, *rest, "run"] if command == "train" else [command, "run", *rest]
        if command == "train":
            argv += ["--no-report", "--quiet"]
        codes.append(main(argv))
        err = capsys.readouterr().err
        assert codes[-1] == 0 or (codes[-1] == 1 and err.startswith(f"minigrad {command}: ")), (i, argv, data[:3000])
        assert "intruder" not in sys.modules and "\x1b" not in err and len(err) < 10_000, (i, argv, data[:3000])
    assert 0.3 < sum(codes) / TRIES < 0.98  # some are no damage


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_run_folder_names_no_code(folder, command, capsys):
    """Issue: ``"model": "os:getcwd"`` was imported and called."""
    config = json.loads(Path("run/config.json").read_text())
    for name in ("intruder:Net", "os:getcwd", "minigrad.models:os"):
        config["arguments"]["model"] = name
        Path("run/config.json").write_text(json.dumps(config))
        argv = [command[0], "run", *command[1:]] if command[0] != "train" else [*command, "run"]
        assert main(argv) == 1
        err = capsys.readouterr().err
        assert f"run/config.json: the network '{name}' is not one of minigrad.models" in err.replace(os.sep, "/")
        assert "--trust" in err and 'Run.open(folder).load_weights("best", network)' in err
    config["arguments"]["model"] = "intruder:Net"
    Path("run/config.json").write_text(json.dumps(config))
    with pytest.raises(SystemExit, match="the code of the folder ran"):
        main([*argv, "--trust"])


def test_our_networks_load_unasked_by_both_names(folder, capsys):
    config = json.loads(Path("run/config.json").read_text())
    config["arguments"]["model"] = "minigrad.models:SimpleConvNet"
    Path("run/config.json").write_text(json.dumps(config))
    assert main(["eval", "run"]) == 0


def test_the_class_given_in_python_needs_no_trust(folder):
    network = mg.models.SimpleConvNet((1, 8, 8))
    Run.open(Path("run")).load_weights("best", network)
    assert (network.state_dict()["conv1.weight"] == mg.load("run/weights/best.npz")["conv1.weight"]).all()


@pytest.mark.parametrize("command", ["eval", "predict", "filters", "graph", "summary", "train"])
def test_help_tells_of_trust(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert "--trust" in capsys.readouterr().out


@pytest.mark.parametrize(
    "where, value, field",
    [
        (("data",), 3, "data"), (("data", "name"), ["digits"], "name"), (("data", "shape"), [1, 10**9, 10**9], "shape"),
        (("data", "classes"), 10.0, "classes"), (("data", "sha256"), None, "sha256"), (("arguments",), [], "arguments"),
        (("arguments", "limit_test"), -1, "limit_test"), (("arguments", "limit_train"), True, "limit_train"),
        (("arguments", "root"), 3, "root"), (("arguments", "root"), "a\0b", "root"),
        (("arguments", "model"), "lenett", "model"),
    ],
)  # fmt: skip
def test_the_field_is_named(folder, where, value, field, capsys):
    config = json.loads(Path("run/config.json").read_text())
    owner = config
    for key in where[:-1]:
        owner = owner[key]
    owner[where[-1]] = value
    Path("run/config.json").write_text(json.dumps(config))
    assert main(["eval", "run"]) == 1
    assert f"not the configuration of a run: its '{field}' is " in capsys.readouterr().err


@pytest.mark.parametrize("name, value", [
    ("epochs", "3"), ("batch_size", 0), ("batch_size", True), ("optimizer", ["adam"]), ("optimizer", "adma"), ("lr", "1"),
    ("lr", {}), ("schedule", 3), ("clip", []), ("patience", 1.5), ("seed", -1), ("data", "x"),
])  # fmt: skip
def test_a_run_goes_on_with_what_an_option_takes(folder, name, value, capsys):
    config = json.loads(Path("run/config.json").read_text())
    config["arguments"][name] = value
    Path("run/config.json").write_text(json.dumps(config))
    assert main(["train", "--resume", "run"]) == 1
    assert f"not the configuration of a run: its '{name}' is " in capsys.readouterr().err


def test_other_fields_of_a_configuration_change_nothing(folder):
    """`run`, `parser` and their like are names within the command, too."""
    config = json.loads(Path("run/config.json").read_text())
    config["arguments"] |= {"run": "x", "parser": 1, "defaults": {}, "no_report": False, "out": "elsewhere", "trust": True}
    Path("run/config.json").write_text(json.dumps(config))
    assert main(["train", "--resume", "run", "--no-report", "--quiet"]) == 0 and not Path("elsewhere").exists()


def test_a_long_configuration_is_not_read(folder):
    with Path("run/config.json").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(DatasetFileError, match=r"config\.json: not a JSON file: longer than 1,048,576 bytes"):
        _ = Run.open(Path("run")).config


def test_a_damaged_history_is_drawn_or_refused(folder):
    rng, path = random.Random(0), Path("run/history.csv")
    lines = path.read_text().splitlines()
    cells = [line.split(",") for line in lines]
    odd = ["", "nan", "inf", "-1", "1e308", "1e999", "x", "\0", '"', "é", "1,2", "\n", "9" * 200_000]
    drawn, said = 0, set()
    for _ in range(max(20, TRIES // 10)):
        table = copy.deepcopy(cells)
        row = rng.choice(table)
        how = rng.randrange(4)
        if how == 0:
            row[rng.randrange(len(row))] = rng.choice(odd)
        elif how == 1:
            del row[rng.randrange(len(row))]
        elif how == 2:
            row.append(rng.choice(odd))
        data = "\n".join(",".join(row) for row in table).encode()
        path.write_bytes(data if how < 3 else data[: rng.randrange(len(data))] + rng.randbytes(5))
        try:
            mg.viz.curves(path)
            drawn += 1
        except ValueError as error:
            said.add(str(error).partition(": not the history of a run: ")[0])
    assert drawn and str(path) in said <= {str(path), "curves: the history is empty: no epoch has ended"}
    path.write_text("\n".join([lines[0], *[lines[1]] * 3]))
    assert mg.viz.curves(path).axes
