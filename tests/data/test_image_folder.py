"""ImageFolder, and the transforms that bring its pictures to one size."""

import sys

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import DataLoader
from minigrad.data.datasets import ImageFolder
from minigrad.data.transforms import CenterCrop, Compose, Grayscale, Normalize, Resize, ToTensor
from minigrad.errors import DatasetFileError, DTypeError, ShapeError

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")


@pytest.fixture
def folder(tmp_path, rng):
    """Pictures of several modes and sizes below folders, and files that are none."""
    for at, (name, mode, size) in enumerate([
        ("cat/b.png", "RGB", (9, 7)), ("cat/a.JPG", "RGB", (12, 5)), ("dog/deep/x.png", "L", (6, 6)),
        ("dog/z.bmp", "RGB", (5, 8)), ("dog/y.webp", "RGBA", (7, 7)), ("ant/1.png", "I;16", (4, 4)),
    ]):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        width, height = size
        channels = {"RGB": (3,), "RGBA": (4,)}.get(mode, ())
        bits = 16 if mode == "I;16" else 8
        Image.fromarray(rng.integers(2**bits, size=(height, width, *channels)).astype(f"u{bits // 8}")).save(
            path, quality=at + 90
        )
    (tmp_path / "dog" / "notes.txt").write_text("none")
    (tmp_path / "README.md").write_text("none")
    return tmp_path


def test_samples_are_sorted_by_class_and_path(folder):
    data = ImageFolder(folder)
    assert data.classes == ["ant", "cat", "dog"] and data.class_to_idx == {"ant": 0, "cat": 1, "dog": 2}
    names = [path.removeprefix(str(folder) + "/") for path, _ in data.samples]
    assert names == ["ant/1.png", "cat/a.JPG", "cat/b.png", "dog/y.webp", "dog/z.bmp", "dog/deep/x.png"]
    assert data.targets == [0, 1, 1, 2, 2, 2] and data.imgs is data.samples and len(data) == 6


def test_items_are_read_when_they_are_asked_for(folder):
    data = ImageFolder(folder)
    for i, (path, number) in enumerate(data.samples):
        image, target = data[i]
        assert (
            target == number and image.dtype == np.float32 and image.shape[0] == 3 and 0 <= image.min() <= image.max() <= 1
        )
        if path.endswith("b.png"):
            assert np.array_equal(np.rint(image * 255), np.moveaxis(np.asarray(Image.open(path)), -1, 0))
    wide = np.asarray(Image.open(folder / "ant" / "1.png"), np.float64) / 65535
    assert np.allclose(data[0][0], wide, atol=1e-6)
    (folder / "cat" / "b.png").write_bytes(b"\x89PNG broken")
    with pytest.raises(DatasetFileError, match=r"b\.png: not a picture that Pillow can read"):
        data[2]
    with pytest.raises(DatasetFileError, match=r"b\.png") as caught:
        list(DataLoader(data, sampler=[2]))
    assert "raised by item 2 of the dataset" in caught.value.__notes__[0]


def test_options_and_refusals(folder, tmp_path):
    sized = ImageFolder(folder, loader=len, transform=lambda n: -n, target_transform=str)
    assert sized[0] == (-len(str(folder / "ant" / "1.png")), "0")
    texts = ImageFolder(
        folder, is_valid_file=lambda path: "a" in path.rsplit("/", 1)[1] or path.endswith(("1.png", "notes.txt"))
    )
    assert [path.rsplit("/", 1)[1] for path, _ in texts.samples] == ["1.png", "a.JPG", "notes.txt"]
    (folder / "bird").mkdir()
    with pytest.raises(FileNotFoundError, match=r"no picture in bird, of .*\n  hint: files that end in \.jpg"):
        ImageFolder(folder)
    with pytest.raises(FileNotFoundError, match="has no folders, one for each class"):
        ImageFolder(folder / "bird")
    with pytest.raises(FileNotFoundError):
        ImageFolder(folder / "nowhere")


def test_folders_behind_links_are_read_too(folder):
    (folder / "cat").rename(folder.parent / "elsewhere")
    (folder / "cat").mkdir()
    (folder / "cat" / "link").symlink_to(folder.parent / "elsewhere", target_is_directory=True)
    names = [path.rsplit("/", 1)[1] for path, number in ImageFolder(folder).samples if number == 1]
    assert names == ["a.JPG", "b.png"]


def test_without_pillow_the_package_that_is_lacking_is_named(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"1\.png: pictures are read by Pillow, .*\n  hint: pip install pillow"):
        ImageFolder(folder)[0]


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
def test_pictures_of_all_sizes_become_batches(folder):
    transform = Compose([Resize(6), CenterCrop(6), ToTensor(), Normalize((0.5,), (0.5,))])
    data = ImageFolder(folder, transform)
    whole = [x for x, _ in DataLoader(data, batch_size=4)]
    assert [x.shape for x in whole] == [(4, 3, 6, 6), (2, 3, 6, 6)] and whole[0].dtype == np.float32
    for workers in (1, 3):
        found = DataLoader(data, batch_size=4, num_workers=workers, multiprocessing_context="fork")
        assert all(mg.equal(x, y) for x, (y, _) in zip(whole, found, strict=True))


@pytest.mark.parametrize("size", [(3, 4), (20, 9), 5, 11, (7, 12)])
def test_resizing_is_pillows(rng, size):
    image = rng.random((3, 7, 12)).astype(np.float32)
    out = Resize(size)(image)
    height, width = size if isinstance(size, tuple) else (size, size * 12 // 7)
    assert out.shape == (3, height, width) and out.dtype == np.float32
    for channel, wanted in zip(out, image, strict=True):
        pillow = np.asarray(Image.fromarray(wanted).resize((width, height), Image.Resampling.BILINEAR))
        assert np.allclose(channel, pillow, atol=1e-6)
    assert isinstance(Resize(size)(mg.tensor(image)), mg.Tensor)
    assert np.allclose(Resize(size)(image[:, None].repeat(2, 1))[:, 1], out)


def test_crops_and_grays(rng):
    image = rng.random((3, 5, 8))
    assert np.array_equal(CenterCrop((3, 4))(image), image[:, 1:4, 2:6])
    padded = CenterCrop(6)(image)
    assert padded.shape == (3, 6, 6) and np.array_equal(padded[:, :5], image[:, :, 1:7]) and not padded[:, 5].any()
    assert np.array_equal(CenterCrop((9, 12))(image), np.pad(image, [(0, 0), (2, 2), (2, 2)]))
    assert Resize(1)(image).shape == (3, 1, 1) and Resize((2, 1))(image).shape == (3, 2, 1)
    gray = Grayscale()(image)
    assert gray.shape == (1, 5, 8) and np.allclose(gray[0], 0.2989 * image[0] + 0.587 * image[1] + 0.114 * image[2])
    assert np.array_equal(Grayscale(3)(image), gray.repeat(3, 0)) and np.array_equal(Grayscale()(gray), gray)
    for make in (lambda: Resize(0), lambda: CenterCrop((2, 0)), lambda: Grayscale(2)):
        with pytest.raises(ValueError, match="must be"):
            make()
    for call in (Resize(2), Grayscale()):
        with pytest.raises(DTypeError, match="needs floats, got uint8"):
            call(np.zeros((3, 4, 4), np.uint8))
    with pytest.raises(ShapeError, match="needs an image"):
        Grayscale()(np.zeros((2, 4, 4)))
