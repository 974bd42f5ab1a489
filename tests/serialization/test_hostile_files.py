"""Every truncation and every flipped byte of a small file ends in an error that names it, or in the original arrays.

Where a format has no checksum of its own, a flip inside raw values may give different numbers. Memory stays bounded.
"""

import gzip
import hashlib
import io
import json
import re
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import read_idx
from minigrad.errors import DatasetFileError, WeightsFileError
from minigrad.serialization import load_npz, save_npz

ARRAYS = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array(7)}
IMAGES = np.arange(6, dtype=np.uint8).reshape(2, 3)
IDX = struct.pack(">HBB2I", 0, 8, 2, 2, 3) + IMAGES.tobytes()
LIMIT = 2_000_000  # bytes: a Python process's own noise is far below, a believed header far above


def whole(found):
    return {k: (v.numpy() if isinstance(v, mg.Tensor) else v) for k, v in found.items()}


def same(a, b):
    return set(a) == set(b) and all(a[k].dtype == b[k].dtype and np.array_equal(a[k], b[k]) for k in a)


def weights(tmp_path, suffix, write):
    path = tmp_path / f"w{suffix}"
    write(path)
    return path, path.read_bytes()


FORMATS = {
    "npz": (".npz", lambda path: save_npz(path, ARRAYS)),
    "numpy": (".npz", lambda path: np.savez(path, **ARRAYS)),
    "compressed": (".npz", lambda path: np.savez_compressed(path, **ARRAYS)),
    "safetensors": (".safetensors", lambda path: mg.save(ARRAYS, path)),
}
each_format = pytest.mark.parametrize("suffix, write", FORMATS.values(), ids=FORMATS)


@pytest.fixture(autouse=True)
def library(request):
    if "safetensors" in request.node.name:
        pytest.importorskip("safetensors")


@pytest.fixture
def bounded():
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < LIMIT


@each_format
def test_every_truncation(tmp_path, suffix, write, bounded):
    path, data = weights(tmp_path, suffix, write)
    for length in range(len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(WeightsFileError) as error:
            mg.load(path)
        assert str(path) in str(error.value)


@each_format
def test_every_flipped_byte(tmp_path, suffix, write):
    path, data = weights(tmp_path, suffix, write)
    assert same(whole(mg.load(path)), ARRAYS)
    for at in range(len(data)):
        for bit in (0, 1 + at % 7):
            path.write_bytes(data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :])
            try:
                found = mg.load(path)
            except WeightsFileError:
                continue
            assert same(whole(found), ARRAYS), (at, bit)


@each_format
def test_bytes_before_between_and_after(tmp_path, suffix, write, bounded):
    path, data = weights(tmp_path, suffix, write)
    for at in range(0, len(data) + 1, 7):
        path.write_bytes(data[:at] + b"\0junk" + data[at:])
        with pytest.raises(WeightsFileError):
            mg.load(path)


def test_every_flipped_bit_of_an_idx_file(tmp_path):
    path = tmp_path / "i.idx"
    for data in (IDX, gzip.compress(IDX, mtime=0)):
        for at in range(len(data)):
            for bit in range(8):
                path.write_bytes(data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :])
                try:
                    found = read_idx(path)
                except DatasetFileError:
                    continue
                if data is IDX and at >= 12:  # raw values: exactly that one is another
                    assert found.shape == (2, 3) and np.count_nonzero(found != IMAGES) == 1
                elif data is IDX:  # the type code: bytes with a sign
                    assert found.dtype == np.int8 and np.array_equal(found, IMAGES)
                else:
                    assert np.array_equal(found, IMAGES)


def test_a_checksum_leaves_only_the_original(tmp_path):
    """As MNIST's files are read: a byte with any bit turned over, or all of them, is refused."""
    path, digest = tmp_path / "i.idx", hashlib.sha256(IDX).hexdigest()
    path.write_bytes(IDX)
    assert np.array_equal(read_idx(path, digest), IMAGES)
    for at in range(len(IDX)):
        for value in (*(IDX[at] ^ 1 << bit for bit in range(8)), IDX[at] ^ 255):
            path.write_bytes(IDX[:at] + bytes([value]) + IDX[at + 1 :])
            with pytest.raises(DatasetFileError, match=re.escape(str(path))):
                read_idx(path, digest)


# Archives made to be believed


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def raw_zip(members, comment=b"", **overrides):
    """A zip written by hand: (name, data, changes of the directory entry's fields)."""
    body, directory = b"", b""
    for name, data, changes in members:
        fields = {
            "size": len(data),
            "stored": len(data),
            "crc": zlib.crc32(data),
            "offset": len(body),
            "method": 0,
            "flags": 0,
        }
        fields |= changes
        sizes = (fields["crc"], fields["stored"], fields["size"])
        body += struct.pack("<4s5H3I2H", b"PK\3\4", 20, fields["flags"], fields["method"], 0, 33, *sizes, len(name), 0)
        body += name + data
        directory += struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, fields["flags"], fields["method"], 0, 33, *sizes,
                                 len(name), 0, 0, 0, 0, 0, fields["offset"]) + name  # fmt: skip
    end = {"count": len(members), "size": len(directory), "start": len(body)} | overrides
    return body + directory + struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, end["count"], end["count"], end["size"],
                                          end["start"], len(comment)) + comment  # fmt: skip


GOOD = npy(np.ones(3))


@pytest.mark.parametrize(
    "members, options",
    [
        ([(b"a.npy", GOOD, {"size": 60_000_000, "stored": 60_000_000})], {}),
        ([(b"a.npy", GOOD, {"size": 60_000_000})], {}),
        ([(b"a.npy", GOOD, {"offset": 5})], {}),
        ([(b"a.npy", GOOD, {}), (b"b.npy", GOOD, {"offset": 0})], {}),  # two names for one place
        ([(b"a.npy", GOOD, {}), (b"a.npy", GOOD, {})], {}),
        ([(b"a.npy", GOOD, {"crc": 1})], {}),
        ([(b"a.npy", GOOD, {"method": 99})], {}),
        ([(b"a.npy", GOOD, {"flags": 1})], {}),  # encrypted
        ([(b"../a.npy", GOOD, {})], {}),
        ([(b"/etc/a.npy", GOOD, {})], {}),
        ([(b"a\\b.npy", GOOD, {})], {}),
        ([(b"a.npy", GOOD, {})], {"comment": b"hello"}),
        ([(b"a.npy", GOOD, {})], {"start": 3}),
        ([(b"a.npy", GOOD + b"x", {})], {}),
        ([(b"a.npy", b"\x93NUMPY\3\0" + GOOD[8:], {})], {}),  # a version from the future
        ([(b"a.npy", b"\x93NUMPY\1\0\xff\xff" + GOOD[10:], {})], {}),
        ([(b"a.npy", GOOD.replace(b"(3,)", b"(9,)"), {})], {}),
        ([(b"a.npy", GOOD.replace(b"<f8", b"|O8"), {})], {}),
    ],
)
def test_archives_that_lie(tmp_path, members, options, bounded):
    path = tmp_path / "w.npz"
    path.write_bytes(raw_zip([(b"a.npy", GOOD, {})]))
    assert load_npz(path)["a"].tolist() == [1, 1, 1]
    path.write_bytes(raw_zip(members, **options))
    with pytest.raises(WeightsFileError, match=str(path)):
        load_npz(path)


def test_a_zip_that_was_streamed_is_read(tmp_path):
    class Stream(io.BytesIO):
        def seekable(self):
            return False

        def tell(self):
            raise io.UnsupportedOperation

    buffer = Stream()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.npy", GOOD)
        archive.writestr("b.npy", npy(np.zeros(2)))
    (tmp_path / "w.npz").write_bytes(buffer.getvalue())
    assert load_npz(tmp_path / "w.npz")["b"].tolist() == [0, 0]


@pytest.mark.parametrize("length", range(30))
def test_descriptors_of_streamed_members(tmp_path, length):
    """Sizes and checksum after the data: three numbers, 4 or 8 bytes for each size, with a signature or without."""
    end = GOOD + bytes(length)
    sizes = {"size": len(GOOD), "stored": len(GOOD), "crc": zlib.crc32(GOOD)}
    path = tmp_path / "w.npz"
    for flags, right in (8, (0, 12, 16, 20, 24)), (0, (0,)):
        path.write_bytes(raw_zip([(b"a.npy", end, {"flags": flags, **sizes}), (b"b.npy", GOOD, {})]))
        if length in right:
            assert load_npz(path)["a"].tolist() == [1, 1, 1]
        else:
            with pytest.raises(WeightsFileError, match=r"a\.npy ends at byte"):
                load_npz(path)


def header(entries, data=b"", length=None):
    text = json.dumps(entries).encode() if not isinstance(entries, bytes) else entries
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        header(b"{", b""),
        header({"w": ENTRY}, bytes(8), length=2**60),
        header({"w": {**ENTRY, "shape": [2**40]}}, bytes(8)),
        header({"w": {**ENTRY, "shape": [2**63, 2**63]}}, bytes(8)),
        header({"w": {**ENTRY, "data_offsets": [0, 2**60]}}, bytes(8)),
        header({"w": {**ENTRY, "data_offsets": [8, 0]}}, bytes(8)),
        header({"w": ENTRY}, bytes(9)),  # trailing bytes
        header({"w": {**ENTRY, "data_offsets": [1, 9]}}, bytes(9)),  # a hole
        header({"w": ENTRY, "v": ENTRY}, bytes(8)),  # overlapping
        header(b'{"w": ' * 100_000, b""),
        header({"w": {**ENTRY, "dtype": "F8_E4M3", "shape": [8]}}, bytes(8)),
        header({"w": {**ENTRY, "dtype": "C64", "shape": [1]}}, bytes(8)),
        header({"w": ENTRY, "__metadata__": {"minigrad.sha256": "0"}}, bytes(8)),
        header({"w": ENTRY, "__metadata__": {"__tree__": "[]"}}, bytes(8)),
    ],
)
def test_safetensors_that_lie(tmp_path, data, bounded):
    pytest.importorskip("safetensors")
    path = tmp_path / "w.safetensors"
    path.write_bytes(data)
    with pytest.raises(WeightsFileError, match=str(path)):
        mg.load(path)
