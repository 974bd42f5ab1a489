"""``minigrad graph``: a run's loss, or any module, as a file or as text."""

import json
from pathlib import Path

import pytest

from minigrad.cli import main

WORDS = """import minigrad as mg
class Sum(mg.nn.Module):
    def forward(self, x, y):
        return (x + y).sum()
made = Sum()
"""


def run(capsys, *argv):
    code = main(["graph", *map(str, argv)])
    out = capsys.readouterr()
    return code, out.out, out.err


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "digits"
    assert (
        main(["train", "--epochs", "1", "--limit-train", "200", "--limit-test", "50", "--out", str(folder), "--quiet"]) == 0
    )
    return folder


def test_a_run_is_drawn_with_its_kernels_before_and_after(trained, tmp_path, capsys):
    code, out, _ = run(capsys, trained, "-o", tmp_path / "net.html")
    assert code == 0 and out.startswith("SimpleConvNet loss: ") and out.endswith("net.html\n")
    page = (tmp_path / "net.html").read_text()
    assert all(caption in page for caption in (">initial ±", ">trained ±", ">gradient ±"))
    code, out, _ = run(capsys, trained, "--input", "2,1,8,8", "-o", tmp_path / "net.json")
    nodes = json.loads((tmp_path / "net.json").read_text())["nodes"]
    assert [n["shape"] for n in nodes if n["kind"] == "data"] == [[2, 1, 8, 8]]


def test_a_module_is_text_unless_a_file_is_asked_for(capsys, tmp_path):
    code, out, _ = run(capsys, "minigrad.models:SimpleConvNet", "--input", "1,1,28,28")
    assert code == 0 and "conv1.weight 30×1×5×5" in out and out.startswith("SimpleConvNet output: ")
    for name in ("net.svg", "net.dot"):
        assert (
            run(capsys, "minigrad.models:SimpleConvNet", "--input", "1,1,28,28", "--depth", "0", "-o", tmp_path / name)[0]
            == 0
        )
        assert "SimpleConvNet" in (tmp_path / name).read_text()


def test_a_module_is_drawn_with_the_same_bytes_each_time(capsys, tmp_path):
    for name in ("a.html", "b.html"):
        run(capsys, "minigrad.models:LeNet5", "--input", "1,1,28,28", "-o", tmp_path / name)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_a_module_of_the_working_folder_with_other_inputs(capsys, tmp_path, monkeypatch):
    (tmp_path / "words.py").write_text(WORDS)
    monkeypatch.chdir(tmp_path)
    for source in ("words:Sum", "words:made"):
        code, out, _ = run(capsys, source, "--input", "3", "--input", "3:int64", "--show", "shapes,values")
        assert code == 0 and "int64" in out and "add(" in out


@pytest.mark.parametrize(
    "argv, message",
    [
        (["nothing"], "there is no network 'nothing'; there are"),
        (["lenett"], "did you mean 'lenet'?"),
        (["minigrad.models:NoNet", "--input", "1"], "NoNet"),
        (["missing_module:Net", "--input", "1"], "No module named"),
        (["pathlib:Path", "--input", "1"], "not a Module"),
        (["minigrad.models:SimpleConvNet", "--input", "1,1,28,28", "--show", "gradient"], "did you mean 'grads'"),
        (["minigrad.models:SimpleConvNet", "--input", "1,1,9,9"], "not an integer"),
        (["minigrad.models:SimpleConvNet", "--input", "1,1,28,28", "-o", "net.bmp"], "no format 'bmp'"),
    ],
)
def test_a_sentence_says_what_is_wrong(argv, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *argv)
    assert code == 1 and out == "" and message in err and err.startswith("minigrad graph: ") and not list(Path().iterdir())


@pytest.mark.parametrize("shape", ["1,x", "-1", "1:nonsense"])
def test_a_shape_that_is_none(shape, capsys):
    with pytest.raises(SystemExit) as left:
        main(["graph", "minigrad.models:SimpleConvNet", f"--input={shape}"])
    assert left.value.code == 2 and "--input" in capsys.readouterr().err
