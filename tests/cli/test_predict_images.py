"""``minigrad predict RUN FILE``: pictures of every mode and arrays of every layout are read rightly, or refused."""

import json
import sys

import numpy as np
import pytest

from minigrad.cli import main
from minigrad.cli.image_files import read_images
from minigrad.data import load_digits
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
        images, inverted = read_images(str(tmp_path / name), (1, 8, 8), 8)
        assert inverted is False
        assert images.dtype == np.float32
        np.testing.assert_allclose(images, wanted, atol=1e-6, err_msg=name)
        np.testing.assert_allclose(read_images(str(tmp_path / name), (3, 8, 8)).values, np.repeat(wanted, 3, 1), atol=1e-6)
    Image.fromarray(ONE).save(tmp_path / "L.jpg", quality=100)
    assert abs(read_images(str(tmp_path / "L.jpg"), (1, 8, 8)).values - wanted).max() < 0.05
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
    found = read_images(str(tmp_path / "c.png"), (3, 2, 2)).values
    np.testing.assert_allclose(found[0, :, 0, 1] * 255, [3, 4, 5], atol=1e-4)


def test_pictures_that_are_refused(tmp_path):
    Image = pytest.importorskip("PIL.Image")

    def saved(name, picture, **options):
        picture.save(tmp_path / name, **options)
        return str(tmp_path / name)

    gray = Image.fromarray(ONE)
    Image.fromarray(np.indices((40, 40)).sum(0).astype(np.uint8)).save(tmp_path / "cut.png")
    whole = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.png").write_text("no picture")
    frames = saved("two.gif", gray, save_all=True, append_images=[gray.rotate(90)])
    for name, error, says in [
        (frames, DatasetFileError, "has 2 frames\n  hint: save a single frame"),
        (str(tmp_path / "cut.png"), DatasetFileError, "cut.png: not a picture that Pillow can read"),
        (saved("white.png", Image.new("L", (20, 20), 255)), DatasetFileError, "shows no digit"),
        (
            saved("clear.png", Image.new("LA", (20, 20), (255, 0))),
            DatasetFileError,
            r"no digit.*\(transparent ones are white",
        ),
        (saved("huge.png", Image.new("1", (10000, 9000))), DatasetFileError, "has more pixels than Pillow accepts"),
        (saved("bomb.png", Image.new("1", (20000, 10000))), DatasetFileError, "has more pixels than Pillow accepts"),
        (
            saved("nan.tiff", Image.fromarray(np.full((9, 9), np.nan, np.float32))),
            DatasetFileError,
            "81 of 81 values are NaN",
        ),
        (str(tmp_path / "text.png"), DatasetFileError, "not a picture that Pillow can read"),
    ]:
        with pytest.raises(error, match=says):
            read_images(name, (1, 8, 8), 8)
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
    found, inverted = read_images(str(tmp_path / "a.npy"), (1, 8, 8))
    assert inverted is None
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
        (np.zeros(64), ShapeError, r"has shape \(64,\), .*\n  hint: give each image its shape: .*\.reshape\(-1, 1, 8, 8\)"),
        (np.zeros((8, 64), np.uint8), ShapeError, r"array.reshape\(-1, 1, 8, 8\)"),
        (np.zeros((0, 8, 8)), DatasetFileError, r"has no image: its shape is \(0, 1, 8, 8\)"),
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


SEVEN = np.zeros((60, 50), np.uint8)  # bright on dark, not symmetric, not in the middle
SEVEN[10:16, 5:35] = 255
for row in range(16, 50):
    SEVEN[row, 34 - row // 3 : 40 - row // 3] = 255


def test_the_modes_of_large_pictures(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    gray, dark = Image.fromarray(SEVEN), Image.fromarray(255 - SEVEN)
    clear = Image.merge("RGBA", [Image.new("L", gray.size)] * 3 + [gray])  # black ink on nothing
    palette = dark.convert("P")
    palette.info["transparency"] = 255  # white is transparent
    cases = {
        "L.png": (gray, False),
        "dark.png": (dark, True),
        "RGB.png": (dark.convert("RGB"), True),
        "RGBA.png": (clear, True),
        "P.png": (palette, True),
        "1.png": (dark.convert("1"), True),
        "I16.png": (Image.fromarray(SEVEN.astype(np.uint16) * 257), False),
        "CMYK.jpg": (dark.convert("CMYK"), True),
        "pencil.png": (Image.fromarray((200 - SEVEN / 2.55).astype(np.uint8)), True),  # gray on gray
        "large.png": (dark.resize((3333, 4000), Image.Resampling.NEAREST), True),
    }
    wanted = read_images(_saved(tmp_path, "wanted.png", gray), (1, 28, 28), 20).values
    assert wanted.shape == (1, 1, 28, 28) and wanted.dtype == np.float32 and 0 <= wanted.min() < wanted.max() <= 1
    for name, (picture, dark_ink) in cases.items():
        images, inverted = read_images(_saved(tmp_path, name, picture), (1, 28, 28), 20)
        assert inverted is dark_ink, name
        assert abs(images - wanted).mean() < 0.01, name
    tiny = read_images(_saved(tmp_path, "tiny.png", Image.fromarray(np.diag([9, 200, 9]).astype(np.uint8))), (1, 28, 28), 20)
    assert tiny.values.shape == (1, 1, 28, 28) and tiny.values.max() > 0.5


def test_a_digit_is_scaled_and_centered_as_those_of_mnist(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    image = read_images(_saved(tmp_path, "seven.png", Image.fromarray(SEVEN)), (1, 28, 28), 20).values[0, 0]
    rows, columns = (np.flatnonzero(image.any(axis)) for axis in (1, 0))
    assert rows[-1] - rows[0] + 1 == 20 and columns[-1] - columns[0] + 1 == 15  # of 40 and 30: its aspect ratio
    for axis in (0, 1):
        assert abs(np.average(np.arange(28) + 0.5, weights=image.sum(1 - axis)) - 14) <= 0.5
    resized = read_images(_saved(tmp_path, "seven.png", Image.fromarray(SEVEN)), (1, 30, 25)).values[0, 0]
    np.testing.assert_allclose(resized, SEVEN.reshape(30, 2, 25, 2).mean((1, 3)) / 255, atol=1e-6)


@pytest.mark.parametrize("ink", [200, 90])
def test_the_light_of_a_photograph_is_no_ink(tmp_path, ink):
    Image = pytest.importorskip("PIL.Image")
    page = np.zeros((240, 300))
    page[60:180, 100:200] = np.repeat(np.repeat(SEVEN, 2, 0), 2, 1) / 255
    light = np.linspace(180, 230, 300) + np.random.default_rng(0).normal(0, 3, page.shape)
    photo = Image.fromarray(np.clip(light - ink * page, 0, 255).astype(np.uint8))
    found = read_images(_saved(tmp_path, "photo.png", photo), (1, 28, 28), 20).values
    wanted = read_images(_saved(tmp_path, "wanted.png", Image.fromarray(SEVEN)), (1, 28, 28), 20).values
    assert abs(found - wanted).mean() < 0.05


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_a_photograph(tmp_path, orientation):
    Image = pytest.importorskip("PIL.Image")
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = {1: 0, 2: 1, 3: 2, 4: 3, 5: 4, 6: 5, 7: 6, 8: 7}[orientation]  # the turn that the camera made
    turned = np.asarray([SEVEN, SEVEN[:, ::-1], SEVEN[::-1, ::-1], SEVEN[::-1]][stored]) if stored < 4 else None
    if turned is None:
        turned = [SEVEN.T, np.rot90(SEVEN), np.rot90(SEVEN, 2).T, np.rot90(SEVEN, -1)][stored - 4]
    picture = Image.fromarray(np.ascontiguousarray(turned))
    picture.save(tmp_path / "photo.png", exif=exif)
    with Image.open(tmp_path / "photo.png") as opened:
        np.testing.assert_array_equal(np.asarray(ImageOps.exif_transpose(opened)), SEVEN)
    found = read_images(str(tmp_path / "photo.png"), (1, 28, 28), 20).values
    wanted = read_images(_saved(tmp_path, "upright.png", Image.fromarray(SEVEN)), (1, 28, 28), 20).values
    np.testing.assert_array_equal(found, wanted)


def test_pictures_of_digits_are_predicted_as_their_arrays(tmp_path, capsys):
    Image = pytest.importorskip("PIL.Image")
    folder = str(tmp_path / "run")
    assert main(["train", "--epochs", "15", "--no-report", "--quiet", "--out", folder]) == 0
    (_, _), (images, _) = load_digits(flatten=False)
    numbers = range(120)
    names = {"same": [], "enlarged": []}
    for i in numbers:
        picture = Image.fromarray(np.round(images[i, 0] * 255).astype(np.uint8))
        names["same"].append(_saved(tmp_path, f"{i}.png", picture))
        inverted = Image.fromarray(255 - np.asarray(picture)).resize((280, 280), Image.Resampling.NEAREST)
        names["enlarged"].append(_saved(tmp_path, f"{i}-280.png", inverted))
    capsys.readouterr()

    def predicted(arguments):
        assert main(["predict", folder, *arguments, "--json"]) == 0
        out, err = capsys.readouterr()
        return [json.loads(line) for line in out.splitlines()], err

    arrays, _ = predicted(map(str, numbers))
    same, said = predicted(names["same"])
    assert said == "" and all(line["inverted"] is False for line in same)
    assert [line["class"] for line in same] == [line["class"] for line in arrays]
    enlarged, said = predicted(names["enlarged"])
    assert said.count(": dark ink on a light ground: inverted\n") == len(numbers)
    assert all(line["inverted"] is True for line in enlarged)
    agree = sum(a["class"] == b["class"] for a, b in zip(arrays, enlarged, strict=True))
    assert agree >= 0.95 * len(numbers)


def test_scores_that_are_not_finite_are_no_json(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("minigrad.cli.predict.scores", lambda network, x: np.full((len(x), 10), np.nan, np.float32))
    assert main(["predict", run, "0", "--json"]) == 1
    out, err = capsys.readouterr()
    assert out == "" and "0: the network's scores are NaN or infinite" in err


def _saved(folder, name, picture):
    picture.save(folder / name)
    return str(folder / name)
