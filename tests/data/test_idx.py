"""IDX files: read strictly. Every truncation and every flipped bit ends in the right data or a clear error."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest

from minigrad.data import read_idx
from minigrad.errors import DatasetFileError


def idx(array, code=0x08):
    return struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape) + array.tobytes()


def read(tmp_path, data, **options):
    path = tmp_path / "file.idx"
    path.write_bytes(data)
    return read_idx(path, **options)


ARRAY = np.arange(6, dtype=np.uint8).reshape(2, 3)


@pytest.mark.parametrize("code, dtype", [(8, "u1"), (9, "i1"), (11, "i2"), (12, "i4"), (13, "f4"), (14, "f8")])
def test_every_type_is_read_in_native_order(tmp_path, code, dtype):
    array = np.array([[1, -2, 3], [4, 5, 100]]).astype(f">{dtype}")
    found = read(tmp_path, idx(array, code))
    assert found.dtype == np.dtype(dtype) and found.dtype.isnative and found.flags.writeable
    np.testing.assert_array_equal(found, array.astype(dtype))


def test_plain_and_compressed_files_are_told_apart_by_content(tmp_path):
    for data in (idx(ARRAY), gzip.compress(idx(ARRAY))):
        np.testing.assert_array_equal(read(tmp_path, data), ARRAY)


@pytest.mark.parametrize(
    "data, says",
    [
        (b"", "magic number.*got nothing"),
        (b"PK\3\4", "magic number: expected two zero bytes"),
        (struct.pack(">HBB", 0, 0x0A, 1), "type code.*got 0x0A"),
        (struct.pack(">HBB", 0, 8, 0), "number of axes: expected 1 to 64, got 0"),
        (struct.pack(">HBB", 0, 8, 255), "number of axes.*got 255"),
        (struct.pack(">HBBI", 0, 8, 2, 3), "sizes: expected 8 bytes for 2 axes, got 4"),
        (idx(ARRAY)[:-1], r"elements: expected 6 bytes for shape \(2, 3\), got only 5"),
        (idx(ARRAY) + b"x", "got more"),
        (struct.pack(">HBB4I", 0, 14, 4, *[2**32 - 1] * 4), r"sizes: declares shape .* of >f8, beyond 2\*\*63 bytes"),
    ],
)
def test_damaged_files_say_what_is_wrong(tmp_path, data, says):
    with pytest.raises(DatasetFileError, match=says) as error:
        read(tmp_path, data)
    assert str(tmp_path / "file.idx") in str(error.value)


def test_sixty_four_axes_are_possible(tmp_path):
    """Where NumPy has as many."""
    data = struct.pack(">HBB64I", 0, 8, 64, *[1] * 64) + b"\7"
    try:
        np.empty((1,) * 64)
    except ValueError:
        with pytest.raises(DatasetFileError, match="64"):
            read(tmp_path, data)
    else:
        assert read(tmp_path, data).item() == 7


def test_a_checksum_is_of_the_decompressed_bytes(tmp_path):
    import hashlib

    digest = hashlib.sha256(idx(ARRAY)).hexdigest()
    for data in (idx(ARRAY), gzip.compress(idx(ARRAY))):
        np.testing.assert_array_equal(read(tmp_path, data, sha256=digest), ARRAY)
    with pytest.raises(DatasetFileError, match=f"SHA-256: expected {digest}, got"):
        read(tmp_path, idx(ARRAY + 1), sha256=digest)


@pytest.mark.parametrize("data", [idx(ARRAY), gzip.compress(idx(ARRAY), mtime=0)], ids=["plain", "gzip"])
def test_truncations_and_flips(tmp_path, data):
    for length in range(len(data)):
        with pytest.raises(DatasetFileError):
            read(tmp_path, data[:length])
    for at in range(len(data)):
        for bit in (1, 128):
            flipped = data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
            try:
                found = read(tmp_path, flipped)
            except DatasetFileError:
                continue
            # gzip notices every changed value; of a plain file, only a value or a size of equal product can change
            assert found.size == 6 and (data is not flipped)
            if data[:2] == b"\x1f\x8b":
                np.testing.assert_array_equal(found, ARRAY)


def test_memory_follows_the_file_and_not_its_header(tmp_path):
    huge = struct.pack(">HBB2I", 0, 14, 2, 2**31, 2**20) + bytes(100)
    bomb = gzip.compress(idx(ARRAY) + bytes(200_000_000), compresslevel=1)
    tracemalloc.start()
    try:
        for data in (huge, bomb):
            with pytest.raises(DatasetFileError):
                read(tmp_path, data)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_idx(tmp_path / "nothing")
