"""The digits that come with the package, and MNIST where its files are."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import datasets, load_digits, load_mnist
from minigrad.data.digits import FILE, read_digits
from minigrad.errors import DatasetFileError

MNIST = Path(__file__).parents[3] / "shared" / "data" / "mnist"
needs_mnist = pytest.mark.skipif(not MNIST.is_dir(), reason="the MNIST files are not in ../shared/data/mnist")


def test_digits_are_real_small_and_whole():
    images, labels = read_digits()
    assert FILE.stat().st_size < 80_000
    assert images.shape == (1797, 8, 8) and images.dtype == np.uint8 and images.max() == 16
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # as scikit-learn documents


def test_digits_come_in_the_books_forms():
    (x, t), (x_test, t_test) = load_digits()
    assert x.shape == (1437, 64) and x_test.shape == (360, 64) and x.dtype == np.float32 and 0 <= x.min() < x.max() == 1
    assert t.dtype == np.int64 and set(t_test) == set(range(10))
    (images, one_hot), _ = load_digits(normalize=False, flatten=False, one_hot_label=True)
    assert images.shape == (1437, 1, 8, 8) and images.dtype == np.uint8
    np.testing.assert_array_equal(one_hot.argmax(1), t)
    assert one_hot.shape == (1437, 10) and (one_hot.sum(1) == 1).all()
    np.testing.assert_array_equal(images.reshape(-1, 64) / np.float32(16), x)


def test_the_split_takes_every_digit_once():
    (x, _), (x_test, _) = load_digits(normalize=False)
    both = np.concatenate([x, x_test])
    original = read_digits()[0].reshape(-1, 64)
    assert sorted(map(bytes, both)) == sorted(map(bytes, original))


def test_digits_by_index():
    train = datasets.Digits(transform=lambda image: image + 1, target_transform=lambda t: -t)
    image, target = train[0]
    assert len(train) == 1437 and image.shape == (1, 8, 8) and image.min() >= 1 and target <= 0
    assert train.classes[3] == "3"
    (x, t), _ = load_digits(flatten=False)
    np.testing.assert_array_equal(datasets.Digits()[7][0], x[7])
    assert datasets.Digits()[7][1] == t[7]


@needs_mnist
def test_mnist_is_the_original():
    (x, t), (x_test, t_test) = load_mnist(flatten=False, root=MNIST)
    assert x.shape == (60_000, 1, 28, 28) and x_test.shape == (10_000, 1, 28, 28) and x.dtype == np.float32
    assert t[:5].tolist() == [5, 0, 4, 1, 9] and t_test[:5].tolist() == [7, 2, 1, 0, 4]
    assert abs(x.mean() - 0.1307) < 1e-4 and abs(x.std() - 0.3081) < 1e-4
    test = datasets.MNIST(MNIST, train=False)
    np.testing.assert_array_equal(test[3][0], x_test[3])
    assert test[3][1] == 0 and test.data.shape == (10_000, 28, 28)


@needs_mnist
def test_mnist_is_found_through_the_environment(monkeypatch):
    monkeypatch.setenv("MINIGRAD_DATA", str(MNIST.parent))
    (x, t), _ = load_mnist(normalize=False, one_hot_label=True)
    assert x.shape == (60_000, 784) and x.dtype == np.uint8 and t.shape == (60_000, 10)


def fake(folder, images, labels, compress=gzip.compress):
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("train", "t10k"):
        head = struct.pack(">HBB3I", 0, 8, 3, *images.shape)
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(compress(head + images.tobytes()))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(
            compress(struct.pack(">HBBI", 0, 8, 1, len(labels)) + labels.tobytes())
        )


IMAGES, LABELS = np.arange(18, dtype=np.uint8).reshape(2, 3, 3), np.array([1, 9], np.uint8)


def test_files_that_are_not_mnist_are_refused(tmp_path):
    fake(tmp_path, IMAGES, LABELS)
    with pytest.raises(DatasetFileError, match="SHA-256: expected ba8910"):
        load_mnist(root=tmp_path)
    with pytest.raises(FileNotFoundError, match=rf"train-images-idx3-ubyte\[.gz\] is not in {tmp_path}/elsewhere\n"):
        load_mnist(root=tmp_path / "elsewhere")


@pytest.mark.parametrize("inner", ["", "fashion", "FashionMNIST/raw"])
def test_fashion_mnist_is_read_from_a_folder(tmp_path, inner):
    fake(tmp_path / inner, IMAGES, LABELS)
    dataset = datasets.FashionMNIST(tmp_path)
    assert len(dataset) == 2 and dataset[1][1] == 9 and dataset.classes[9] == "Ankle boot"
    np.testing.assert_allclose(dataset[1][0], IMAGES[1][None] / 255, rtol=1e-6)


def test_files_that_do_not_belong_together_are_refused(tmp_path):
    for images, labels, says in [
        (IMAGES, LABELS[:1], "do not belong together"),
        (IMAGES, LABELS + 1, "classes 0..9, got up to 10"),
    ]:
        fake(tmp_path, images, labels)
        with pytest.raises(DatasetFileError, match=says):
            datasets.FashionMNIST(tmp_path)


def test_batches_of_a_dataset():
    x, t = next(iter(mg.data.DataLoader(datasets.Digits(), batch_size=7)))
    assert x.shape == (7, 1, 8, 8) and x.dtype == np.float32 and t.dtype == np.int64
