"""``minigrad export RUN -o FILE``: the file computes what the run's network does, and errors are one line."""

import numpy as np
import pytest

from minigrad.cli import main
from minigrad.cli.runs import restore
from minigrad.nn.inference import scores
from minigrad.training import Run

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from tests.onnx.running import run as run_file  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "digits"
    argv = ["train", "--epochs", "1", "--limit-train", "200", "--limit-test", "50", "--no-report", "--quiet"]
    assert main([*argv, "--out", str(folder)]) == 0
    return folder


def test_the_file_gives_the_scores_of_the_run(folder, tmp_path, capsys):
    run = Run.open(folder)
    data, network = restore(run, None, False)
    run.load_weights("last", network)
    path = tmp_path / "net.onnx"
    assert main(["export", str(folder), "-o", str(path), "--weights", "last"]) == 0
    size = path.stat().st_size
    assert capsys.readouterr().out == f"{path}: images (batch, 1, 8, 8) to scores (batch, 10); {size:,} bytes, opset 20\n"
    file = onnx.load(path)
    for images in (data.x_test[:1], data.x_test[:7]):
        np.testing.assert_allclose(run_file(file, [images])[0], scores(network, images), atol=1e-5)
    assert main(["export", str(folder), "-o", str(path), "--batch", "3", "--opset", "18"]) == 0
    assert "images (3, 1, 8, 8) to scores (3, 10)" in (out := capsys.readouterr().out) and "opset 18" in out
    assert run_file(onnx.load(path), [data.x_test[:3]])[0].shape == (3, 10)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["-o", "net.pb"], "minigrad export: --out must end in .onnx, got net.pb\n"),
        (["-o", "net.onnx", "--opset", "9"], "minigrad export: export: opset_version must be within 18..23, got 9\n"),
        (["-o", "nowhere/net.onnx"], "minigrad export: nowhere/net.onnx: there is no folder "),
    ],
)
def test_errors_are_said_and_nothing_is_written(folder, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(folder), *arguments]) == 1
    assert capsys.readouterr().err.startswith(message) and not list(tmp_path.iterdir())


def test_wrong_usage(folder, capsys):
    for arguments, message in (([], "required: -o/--out"), (["-o", "a.onnx", "--batch", "0"], "must be at least 1, got 0")):
        with pytest.raises(SystemExit) as caught:
            main(["export", str(folder), *arguments])
        assert caught.value.code == 2 and message in capsys.readouterr().err
