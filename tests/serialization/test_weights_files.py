"""Weights files: written atomically; hostile files are neither trusted, nor allocated for, nor unpickled."""

import io
import os
import pickle
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

import minigrad as mg
from minigrad.errors import WeightsFileError
from minigrad.serialization import load_npz, load_pickled_params, save_npz, write_atomically
from minigrad.serialization.structure import decode

ARRAYS = {
    "weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.array([1.5]),
    "n": np.array(7),
    "e": np.zeros((0, 2)),
}


def same(a, b):
    return set(a) == set(b) and all(np.array_equal(a[k], b[k]) and a[k].dtype == b[k].dtype for k in a)


def member(array, **changes):
    """The bytes of a `.npy`, with its header's fields changed at will."""
    header = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape, **changes}
    text = (repr(header) + "\n").encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + array.tobytes()


def archive(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in members:
            file.writestr(name, data)


def test_what_was_saved_is_read(tmp_path):
    path = tmp_path / "w.npz"
    save_npz(path, ARRAYS)
    assert same(load_npz(path), ARRAYS)
    save_npz(path, {"f": np.asfortranarray(ARRAYS["weight"]), "big": np.arange(3, dtype=">i4")})
    found = load_npz(path)
    assert found["f"].flags.f_contiguous and found["big"].dtype.isnative and found["big"].tolist() == [0, 1, 2]
    assert sorted(os.listdir(tmp_path)) == ["w.npz"]


@pytest.mark.parametrize("suffix", [".npz", ".pt"])
def test_nothing_is_saved_and_read(tmp_path, suffix):
    path = tmp_path / f"nothing{suffix}"
    mg.save({}, path)
    assert mg.load(path) == {}


def test_an_interrupted_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "w.npz"
    save_npz(path, ARRAYS)

    def fail(file):
        file.write(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fail)
    assert same(load_npz(path), ARRAYS) and os.listdir(tmp_path) == ["w.npz"]


@pytest.mark.parametrize(
    "members, says",
    [
        ([("a.npy", member(np.array([None])[:0], descr="|O", shape=(1,)))], "objects are refused"),
        ([("a.npy", member(np.zeros(1), descr="<c16"))], "dtype complex128"),
        ([("../a.npy", member(np.zeros(1)))], "not the name of an array"),
        ([("a.txt", b"hello")], "not the name of an array"),
        ([("a.npy", member(np.zeros(2), shape=(2**40,)))], "declares shape"),
        ([("a.npy", member(np.zeros(2), shape=(-1,)))], "declares shape"),
        ([("a.npy", member(np.zeros(2), shape=(1,)))], r"expected 8 bytes for shape \(1,\), got more"),
        ([("a.npy", b"\x93NUMPY\x09\x00" + member(np.zeros(2))[8:])], "version"),
        ([("a.npy", b"")], "damaged"),
    ],
)
def test_hostile_archives(tmp_path, members, says):
    path = tmp_path / "w.npz"
    archive(path, members)
    with pytest.raises(WeightsFileError, match=says) as error:
        load_npz(path)
    assert str(path) in str(error.value)


def test_a_name_may_not_occur_twice(tmp_path):
    path = tmp_path / "w.npz"
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive(path, [("a.npy", member(np.zeros(1))), ("a.npy", member(np.ones(1)))])
    with pytest.raises(WeightsFileError, match="two arrays have the same name"):
        load_npz(path)


def test_a_bomb_is_refused_before_it_grows(tmp_path):
    path = tmp_path / "w.npz"
    zeros = io.BytesIO()
    np.save(zeros, np.zeros(200_000_000, np.uint8))
    archive(path, [("a.npy", zeros.getbuffer())], zipfile.ZIP_DEFLATED)
    del zeros
    tracemalloc.start()
    try:
        with pytest.raises(WeightsFileError, match=r"declares 200\d+ bytes of arrays in a file of"):
            load_npz(path)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_the_books_pickle_is_read(tmp_path):
    path = tmp_path / "params.pkl"
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        path.write_bytes(pickle.dumps({"W1": ARRAYS["weight"], "b1": ARRAYS["b"]}, protocol))
        assert same(load_pickled_params(path), {"W1": ARRAYS["weight"], "b1": ARRAYS["b"]})


class Bomb:
    def __reduce__(self):
        return os.system, ("echo exploded > exploded",)


@pytest.mark.parametrize(
    "data, says",
    [
        (pickle.dumps({"W1": Bomb()}), r"refers to \w+\.system; only NumPy arrays are admitted"),
        (pickle.dumps([1, 2]), "expected a dict of arrays"),
        (pickle.dumps({"a": 1}), "expected a dict of arrays"),
        (pickle.dumps({"a": np.array([None])}, 3), "expected a dict of arrays|damaged"),
        (b"", "damaged"),
        (pickle.dumps({"a": np.zeros(3)}, 3)[:-10], "damaged"),
        (b"Pnothing\n.", "outside of it"),
    ],
)
def test_pickles_of_anything_else_are_refused(tmp_path, monkeypatch, data, says):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "params.pkl"
    path.write_bytes(data)
    with pytest.raises(WeightsFileError, match=says):
        load_pickled_params(path)
    assert os.listdir(tmp_path) == ["params.pkl"]


@pytest.mark.parametrize(
    ("tree", "says"),
    [
        ("[1]", "a bare list"),
        ('{"list": [[]]}', "a bare list"),
        ('{"dict": ["ab"]}', "not a list of pairs"),
        ('{"dict": [{"a": 1, "b": 2}]}', "not a list of pairs"),
        ('{"dict": [["a", 1, 2]]}', "not a list of pairs"),
    ],
)
def test_lists_and_pairs_of_another_form_are_refused(tree, says):
    with pytest.raises(WeightsFileError, match=says):
        decode({}, tree)


def zip64(directory, start, signature=b"PK\6\6"):
    """The records of zip64 of an archive of one member, and the end record that points to them."""
    record = signature + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 1, 1, directory, start)
    locator = b"PK\6\7" + struct.pack("<IQI", 0, start + directory if directory < 2**20 else start, 1)
    return record + locator + b"PK\5\6" + struct.pack("<4HIIH", 0, 0, 1, 1, 0xFFFFFFFF, 0xFFFFFFFF, 0)


def test_the_directory_that_zip64_declares_is_limited(tmp_path):
    path = tmp_path / "w.npz"
    save_npz(path, {"w": np.ones(2)})
    data = path.read_bytes()
    directory, start = struct.unpack("<II", data[-10:-2])
    path.write_bytes(data[:-22] + zip64(directory, start))
    assert load_npz(path)["w"].tolist() == [1, 1]
    for end, says in (
        (zip64(3 * 2**20 + 1, start), "a directory of 3145729 bytes, expected at most"),
        (zip64(directory, start, b"PK\6\5"), "its record of zip64 is not where it should be"),
    ):
        path.write_bytes(data[:-22] + end)
        with pytest.raises(WeightsFileError, match=says):
            load_npz(path)
