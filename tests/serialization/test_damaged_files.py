"""Damaged and hostile files: whatever the bytes, the right data or the documented error, in memory of the file's size."""

import gzip
import io
import pickle
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad.data import read_idx
from minigrad.errors import DatasetFileError, WeightsFileError
from minigrad.serialization import load_npz, load_pickled_params

LIMIT = 4 << 20  # bytes: the files are of a few hundred


def idx_file():
    return struct.pack(">HBB2I", 0, 8, 2, 3, 4) + bytes(range(12))


def npz_file():
    file = io.BytesIO()
    np.savez(file, weight=np.arange(6.0, dtype=np.float32).reshape(2, 3), n=np.array(7))
    return file.getvalue()


def pickle_file():
    return pickle.dumps({"W1": np.arange(3.0)}, 2)


READERS = {
    "idx": (idx_file(), read_idx, DatasetFileError),
    "idx.gz": (gzip.compress(idx_file(), mtime=0), read_idx, DatasetFileError),
    "npz": (npz_file(), load_npz, WeightsFileError),
    "pickle": (pickle_file(), load_pickled_params, WeightsFileError),
}
every_reader = pytest.mark.parametrize("kind", READERS)


@pytest.fixture
def bounded():
    """Fails if more than a few megabytes were alive at once."""
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < LIMIT


def read(path, kind, data):
    """The data of a file, or None for the documented refusal."""
    _, reader, refusal = READERS[kind]
    path.write_bytes(data)
    try:
        return reader(path)
    except refusal as error:
        said = str(error)
    assert str(path) in said
    return None


def test_every_flip_and_every_truncation_of_a_pickle(tmp_path, bounded):
    data = READERS["pickle"][0]
    assert read(tmp_path / "file", "pickle", data) is not None
    for at in range(len(data)):
        assert read(tmp_path / "file", "pickle", data[:at]) is None
        for bit in range(8):
            read(tmp_path / "file", "pickle", data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :])


@pytest.mark.parametrize("code", [b"M8", b"m8", b"O8", b"V8", b"U2", b"S8", b"c8", b",8", b"08", b"f9", b"b2"])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_dtype_of_another_kind(tmp_path, code, protocol):
    """One byte turns f8 into M8, a date, whose state is another: NumPy's own dtype then ended the process."""
    data = pickle.dumps({"W1": np.arange(3.0)}, protocol)
    assert data.count(b"f8") == 1 and read(tmp_path / "file", "pickle", data)["W1"].tolist() == [0, 1, 2]
    assert read(tmp_path / "file", "pickle", data.replace(b"f8", code)) is None


@every_reader
@given(at=st.integers(0, 400), cut=st.integers(0, 60), put=st.binary(max_size=60))
def test_splices(tmp_path_factory, kind, at, cut, put):
    data = READERS[kind][0]
    at %= len(data)
    read(tmp_path_factory.getbasetemp() / f"spliced.{kind}", kind, data[:at] + put + data[at + cut :])


@every_reader
@given(data=st.binary(max_size=300))
def test_noise(tmp_path_factory, kind, data):
    assert read(tmp_path_factory.getbasetemp() / f"noise.{kind}", kind, data) is None


def test_a_gzip_bomb(tmp_path, bounded):
    header = gzip.compress(struct.pack(">HBBI", 0, 8, 1, 100), mtime=0)
    bomb = header + gzip.compress(bytes(1 << 20), mtime=0) * 50  # members of one file
    assert read(tmp_path / "file", "idx.gz", bomb) is None


@pytest.mark.parametrize("hostile", [
    b"X\xff\xff\xff\x7fa.", b"\x8e" + b"\xff" * 7 + b"\x3fa.", b"Nr\xff\xff\xff\x0f.",
    b"cnumpy\nndarray\n(J\xff\xff\xff\x3ftR.",
    b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(J\xff\xff\xff\x3ftU\x01btR.",
])  # fmt: skip
def test_pickles_that_declare_more_than_they_hold(tmp_path, bounded, hostile):
    assert read(tmp_path / "file", "pickle", hostile) is None
