"""``minigrad predict RUN FILE``: pictures of every mode and arrays of every layout are read rightly, or refused."""

import json
import sys

import numpy as np
import pytest

from minigrad.cli import main
from minigrad.cli.image_files import read_images
from minigrad.errors import DatasetFileError, ShapeError

ONE = np.zeros((8, 8), np.uint8)
ONE[1:7, 3:5] = 255


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "digits"
    argv = ["train", "--epochs", "1", "--limit-train", "200", "--limit-test", "50", "--no-report", "--quiet"]
    assert main([*argv, "--out", str(folder)]) == 0
    return str(folder)


def pictures(Image):
    gray = Image.fromarray(ONE)
    return {
        "L.png": gray,
        "1.png": gray.convert("1"),
        "P.png": gray.convert("P"),
        "RGB.png": gray.convert("RGB"),
        "RGBA.png": gray.convert("RGBA"),
        "LA.png": gray.convert("LA"),
        "I16.png": Image.fromarray(ONE.astype(np.uint16) * 257),
        "F.tiff": Image.fromarray(ONE.astype(np.float32) / 255),
        "CMYK.tiff": gray.convert("RGB").convert("CMYK"),
        "L.bmp": gray,
        "L.gif": gray,
    }


def test_pictures_of_every_mode(run, tmp_path, capsys):
    Image = pytest.importorskip("PIL.Image")
    wanted = (ONE / np.float32(255))[None, None]
    for name, picture in pictures(Image).items():
        picture.save(tmp_path / name)
        images = read_images(str(tmp_path / name), (1, 8, 8))
        assert images.dtype == np.float32
        np.testing.assert_allclose(images, wanted, atol=1e-6, err_msg=name)
        np.testing.assert_allclose(read_images(str(tmp_path / name), (3, 8, 8)), np.repeat(wanted, 3, 1), atol=1e-6)
    Image.fromarray(ONE).save(tmp_path / "L.jpg", quality=100)
    assert abs(read_images(str(tmp_path / "L.jpg"), (1, 8, 8)) - wanted).max() < 0.05
    np.save(tmp_path / "u8.npy", ONE)
    np.save(tmp_path / "float.npy", ONE / 255)
    lines = []
    for name in ("L.png", "u8.npy", "float.npy", "I16.png"):
        assert main(["predict", run, str(tmp_path / name), "--json"]) == 0
        lines.append(json.loads(capsys.readouterr().out)["probabilities"])
    assert lines[0] == lines[1] == lines[2] == lines[3]


def test_colors_keep_their_channels(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    Image.fromarray(np.arange(12, dtype=np.uint8).reshape(2, 2, 3)).save(tmp_path / "c.png")
    found = read_images(str(tmp_path / "c.png"), (3, 2, 2))
    np.testing.assert_allclose(found[0, :, 0, 1] * 255, [3, 4, 5], atol=1e-4)


def test_pictures_that_are_refused(tmp_path):
    Image = pytest.importorskip("PIL.Image")

    def saved(name, picture, **options):
        picture.save(tmp_path / name, **options)
        return str(tmp_path / name)

    gray = Image.fromarray(ONE)
    clear = gray.convert("RGBA")
    clear.putpixel((0, 0), (0, 0, 0, 0))
    (tmp_path / "text.png").write_text("no picture")
    frames = saved("two.gif", gray, save_all=True, append_images=[gray.rotate(90)])
    for name, error, says in [
        (saved("wide.png", gray.resize((28, 20))), ShapeError, r"is 20 high and 28 wide, .* takes 8x8\n  hint: crop it"),
        (saved("clear.png", clear), DatasetFileError, "has transparent pixels.*\n  hint: put it on a background"),
        (frames, DatasetFileError, "has 2 frames"),
        (str(tmp_path / "text.png"), DatasetFileError, "not a picture that Pillow can read"),
    ]:
        with pytest.raises(error, match=says):
            read_images(name, (1, 8, 8))
    with pytest.raises(ShapeError, match="1 or 3 channels"):
        read_images(saved("five.png", gray), (5, 8, 8))
    with pytest.raises(FileNotFoundError):
        read_images(str(tmp_path / "none.png"), (1, 8, 8))


def test_without_pillow(run, tmp_path, monkeypatch, capsys):
    (tmp_path / "digit.png").write_bytes(b"\x89PNG")
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert main(["predict", run, str(tmp_path / "digit.png")]) == 1
    err = capsys.readouterr().err
    assert "pictures are read by Pillow, which is not installed\n  hint: pip install pillow" in err and ".npy" in err


@pytest.mark.parametrize(
    "array, shape",
    [
        (np.zeros((8, 8)), (1, 1, 8, 8)),
        (np.zeros((1, 8, 8)), (1, 1, 8, 8)),
        (np.zeros((5, 8, 8)), (5, 1, 8, 8)),
        (np.zeros((5, 1, 8, 8), bool), (5, 1, 8, 8)),
        (np.full((8, 8), 255, np.uint8), (1, 1, 8, 8)),
        (np.ones((8, 8), np.int64), (1, 1, 8, 8)),
    ],
)
def test_layouts_of_arrays(tmp_path, array, shape):
    np.save(tmp_path / "a.npy", array)
    found = read_images(str(tmp_path / "a.npy"), (1, 8, 8))
    assert found.shape == shape and found.dtype == np.float32 and found.max() in (0, 1)


@pytest.mark.parametrize(
    "array, error, says",
    [
        (np.full((8, 8), np.nan), DatasetFileError, "64 of 64 values are NaN or infinite"),
        (np.full((8, 8), np.inf), DatasetFileError, "64 of 64 values are NaN or infinite"),
        (ONE.astype(float), DatasetFileError, r"its values are within 0..255, .* within 0..1\n  hint: scale them"),
        (ONE.astype(np.int64), DatasetFileError, "within 0..255"),
        (-np.ones((8, 8)), DatasetFileError, "within -1..-1"),
        (ONE // 16, DatasetFileError, r"bytes are read as 0..255, but the largest value is 15"),
        (ONE // 255, DatasetFileError, "the largest value is 1"),
        (np.zeros((28, 28)), ShapeError, r"has shape \(28, 28\), .* of \(1, 8, 8\)\n  hint: resize it to 8x8"),
        (np.zeros((8, 8, 1)), ShapeError, r"has shape \(8, 8, 1\), .*\n  hint: move the channels to the front: np.moveaxis"),
        (np.zeros(64), ShapeError, r"has shape \(64,\)"),
    ],
)
def test_arrays_that_are_refused(run, tmp_path, array, error, says, capsys):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(error, match=says):
        read_images(str(tmp_path / "a.npy"), (1, 8, 8))
    assert main(["predict", run, str(tmp_path / "a.npy")]) == 1
    out = capsys.readouterr()
    assert out.out == "" and "Traceback" not in out.err


def test_neither_an_index_nor_a_file(run, capsys):
    assert main(["predict", run, "seven"]) == 1
    assert "seven is neither the index of a test image nor a file" in capsys.readouterr().err
