"""Files that nobody would write, thousands of them, and the worst of them one by one.

MINIGRAD_TRIES=20000 tries that many mutants.
"""

import gzip
import os
import pickle
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad.data import read_idx
from minigrad.errors import DatasetFileError, WeightsFileError
from minigrad.serialization import save_npz
from minigrad.serialization.npy import load_npy

posix = pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
TRIES = int(os.environ.get("MINIGRAD_TRIES", 1000))
TUPLES = b"\x85" * 150_000
DOUBLED = b"q\1h\1\x86" * 100
FLOATS = b"cnumpy\ndtype\n(X\2\0\0\0f8tR"
RECONSTRUCT = b"cnumpy._core.multiarray\n_reconstruct\n)R"


@posix
def test_mutants():
    """In one process of its own: an end of it by a signal names the mutant, too."""
    command = [sys.executable, "-m", "tests.serialization.file_mutants", "0", str(TRIES)]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and lines[-1].startswith("done:"), "\n".join(
        [line for line in lines if not line.startswith("trying")][-60:] + lines[-1:] + [done.stderr[-2000:]]
    )


def named(key, value):
    return b"}" + key + value + b"s."


@pytest.mark.parametrize("data", [
    named(b")" + TUPLES, b"N"),  # hashing it took more stack than there is
    named(b")" + DOUBLED, b"N"),
    named(b"X\1\0\0\0a", b"cnumpy\ndtype\n(" + b")" + DOUBLED + b"tR"),
    named(b"X\1\0\0\0a", RECONSTRUCT + b"(K\1)cnumpy\ndtype\n()" + DOUBLED + b"tR\x89C\0tb"),
    named(b"X\1\0\0\0a", RECONSTRUCT + b"(K\1(\x8b\x88\x13\0\0" + b"\x7f" * 5000 + b"q\1" + b"h\1" * 9000 + b"t"
          + FLOATS + b"\x89C\0tb"),
    named(b"X\1\0\0\0a", b"c_codecs\nencode\n}X\4\0\0\0moduNsb"),  # attributes of what is not its own
    b"(" * 300_000 + b".",
    b"\x80\4" + b"]" * 300_000 + b".",
    b"N\x94" * 300_000 + b".",
])  # fmt: skip
def test_pickles_that_went_deep_or_never_ended(tmp_path, data):
    (tmp_path / "x.pkl").write_bytes(data)
    with pytest.raises(WeightsFileError, match=r"x\.pkl: ") as error:
        mg.load(tmp_path / "x.pkl")
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("kind, is_array", [(b"X", True), (b"B", True), (b"X", False)])
def test_a_text_used_by_many_values_of_a_pickle(tmp_path, kind, is_array):
    text, count = bytes(2**20), 200
    one = RECONSTRUCT + b"(K\1J\0\0\x10\0\x85cnumpy\ndtype\n(X\2\0\0\0u1tR\x89h\0tb"
    one = one if is_array else b"c_codecs\nencode\n(h\0X\6\0\0\0latin1tR"
    many = b"".join(b"X\4\0\0\0%04d" % i + one + b"s" for i in range(count))
    (tmp_path / "x.pkl").write_bytes(b"}X\1\0\0\0t" + kind + struct.pack("<I", len(text)) + text + b"q\0s" + many + b".")
    tracemalloc.start()
    try:
        with pytest.raises(WeightsFileError, match=r"x\.pkl: .*declares more than a file of"):
            mg.load(tmp_path / "x.pkl")
        assert tracemalloc.get_traced_memory()[1] < 2 * 10**7
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_right_pickles(tmp_path, protocol):
    arrays = {
        "empty": np.zeros((0, 3), np.float32), "also": np.zeros(0), "one": np.array([True]), "other": np.array([True]),
        "big": np.arange(6, dtype=">i2").reshape(2, 3), "fortran": np.asfortranarray(np.arange(6.0).reshape(3, 2)),
        "scalar": np.array(3.5), "controls": np.arange(256).astype(np.uint8),
    }  # fmt: skip
    for dumps in (pickle.dumps, pickle._dumps)[: 1 + (protocol < 5)]:  # Python's own fails with an empty array in protocol 5
        (tmp_path / "x.pkl").write_bytes(dumps(arrays, protocol))
        found = mg.load(tmp_path / "x.pkl")
        assert list(found) == list(arrays)
        for name, array in arrays.items():
            assert found[name].dtype == array.dtype.newbyteorder("="), name
            np.testing.assert_array_equal(found[name].numpy(), array)


def test_a_pickle_of_python_2(tmp_path):
    """Its strings are bytes, which NumPy's programs read as Latin-1: other bytes than those of today's pickles."""
    data = np.array([1.5, -2.0]).tobytes()
    begin = b"\x80\x02}U\x01wcnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x02\x85"
    dtype = b"cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    pickled = begin + dtype + b"\x89U" + bytes([len(data)]) + data + b"tbs."
    assert pickle.loads(pickled, encoding="latin1")["w"].tolist() == [1.5, -2.0]
    (tmp_path / "x.pkl").write_bytes(pickled)
    assert mg.load(tmp_path / "x.pkl")["w"].tolist() == [1.5, -2.0]
    ints, wrong = (
        b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00",
        [b"NNK\x01", b"NK\x01N", b"K\x01NN"],
    )  # fields, a base, metadata
    for state in [b"K\x03U\x01<" + part + ints for part in wrong] + [b"K\x03U\x01<NN", b"K\x03K\x01NNN" + ints]:
        (tmp_path / "x.pkl").write_bytes(pickled.replace(b"K\x03U\x01<NNN" + ints, state))
        with pytest.raises(WeightsFileError, match="a dtype that is not of numbers"):
            mg.load(tmp_path / "x.pkl")


def test_a_gzip_bomb_is_refused_before_it_grows(tmp_path):
    size = 300_000_000
    packer = zlib.compressobj(1, wbits=31)
    data = packer.compress(struct.pack(">HBBI", 0, 8, 1, size))
    for _ in range(300):
        data += packer.compress(bytes(10**6))
    (tmp_path / "i.gz").write_bytes(data + packer.flush())
    tracemalloc.start()
    try:
        with pytest.raises(DatasetFileError, match=r"i\.gz: sizes: 300000000 bytes .*\n  hint: decompress it first"):
            read_idx(tmp_path / "i.gz")
        assert tracemalloc.get_traced_memory()[1] < 10**7
    finally:
        tracemalloc.stop()
    images = np.tile(np.arange(100, dtype=np.uint8), 500_000)  # half as large, and so within what any file may grow to
    (tmp_path / "i.gz").write_bytes(gzip.compress(struct.pack(">HBBI", 0, 8, 1, len(images)) + images.tobytes(), 1))
    np.testing.assert_array_equal(read_idx(tmp_path / "i.gz"), images)


def test_an_idx_file_without_elements_and_with_sizes_that_no_array_has(tmp_path):
    (tmp_path / "i").write_bytes(struct.pack(">HBB4I", 0, 8, 4, 0, *[2**32 - 1] * 3))
    with pytest.raises(DatasetFileError, match="i: sizes: declares shape"):
        read_idx(tmp_path / "i")


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_other_compressions_are_refused(tmp_path, method):
    with zipfile.ZipFile(tmp_path / "w.npz", "w", method) as archive:
        archive.writestr("a.npy", b"\x93NUMPY\1\0")
    with pytest.raises(WeightsFileError, match=rf"w\.npz: a\.npy is compressed by method {method}"):
        mg.load(tmp_path / "w.npz")


@pytest.mark.parametrize("text", ["{'descr': \'\'\'", "(" * 5000, "-" * 9000, "1+1j" * 2000, "{'shape': (3,)}", "[]", "{}",
    "{'descr': '<f8', 'fortran_order': 0, 'shape': (1,)}", "{'descr': '<f8', 'fortran_order': False, 'shape': (True,)}",
    "{'descr': '|b1', 'fortran_order': False, 'shape': (8,)}"])  # fmt: skip
def test_headers_of_arrays(tmp_path, text):
    header = text.encode() + b"\n"
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + b"\2" * 8)
    with pytest.raises(WeightsFileError, match=r"a\.npy: "):
        load_npy(tmp_path / "a.npy")


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_versions_of_arrays(tmp_path, version):
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array(file, np.arange(6.0).reshape(2, 3).T, version)
    assert load_npy(tmp_path / "a.npy").tolist() == [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]


@pytest.mark.filterwarnings("ignore:Reading")  # NumPy's: that saving it again makes it faster to read
def test_a_header_of_python_2(tmp_path):
    header = b"{'descr': '>f4', 'fortran_order': True, 'shape': (2L, 3L), }\n"
    array = np.arange(6, dtype=">f4").reshape(2, 3)
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + array.tobytes("F"))
    found = load_npy(tmp_path / "a.npy")
    assert found.dtype == np.float32 and np.array_equal(found, array)


@pytest.mark.parametrize("entry, payload", [
    ({"dtype": "U8", "shape": [1] * 70, "data_offsets": [0, 1]}, b"a"),
    ({"dtype": "U8", "shape": [0, 2**40, 2**40], "data_offsets": [0, 0]}, b""),
    ({"dtype": "BOOL", "shape": [1], "data_offsets": [0, 1]}, b"\2"),
])  # fmt: skip
def test_entries_of_safetensors(tmp_path, entry, payload):
    pytest.importorskip("safetensors")
    write_safetensors(tmp_path / "w.safetensors", {"w": entry}, payload)
    with pytest.raises(WeightsFileError, match=r"w\.safetensors: w: "):
        mg.load(tmp_path / "w.safetensors")


def write_safetensors(path, header, payload):
    import json

    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + payload)


@pytest.mark.parametrize("metadata", [None, {}, {"__metadata__": "x", "dtype": "y"}])
def test_metadata_of_safetensors(tmp_path, metadata):
    pytest.importorskip("safetensors")
    entry = {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}
    write_safetensors(tmp_path / "w.safetensors", {"__metadata__": metadata, "w": entry}, b"a")
    arrays, found = mg.serialization.load_safetensors(tmp_path / "w.safetensors")
    assert arrays["w"].tolist() == [97] and found == (metadata or {})


@pytest.mark.parametrize("tree", [
    '{"list": {"a": 1}}', '{"dict": ["ab"]}', '{"dict": [["a", 1], ["a", 2]]}', '{"list": "ab"}', '{"dict": [[null, 1]]}',
    '{"dict": [["v", {"array": "w"}]]}', '{"list": []}', '{"dict": [["w", {"array": "w"}], ["w", 1]]}',
    '{"list": [' + "[]," * 400_000 + "1]}",
])  # fmt: skip
def test_structures_that_save_does_not_write(tmp_path, tree):
    save_npz(tmp_path / "w.npz", {"w": np.ones(1), "__tree__": np.frombuffer(tree.encode(), np.uint8)})
    with pytest.raises(WeightsFileError, match=r"w\.npz: the structure around the arrays is damaged"):
        mg.load(tmp_path / "w.npz")


def test_a_history_that_is_none(tmp_path):
    pytest.importorskip("matplotlib")
    for text in ("", "epoch,loss\n1,2\n", "epoch,loss,acc,val_loss,val_acc\n1,x,3,4,5\n", "\xff"):
        (tmp_path / "history.csv").write_bytes(text.encode("latin1"))
        with pytest.raises(ValueError, match=r"history\.csv|the history is empty"):
            mg.viz.curves(tmp_path / "history.csv")
