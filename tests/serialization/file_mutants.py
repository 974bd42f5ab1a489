"""Damaged and hostile files, made from good ones with knowledge of their format, and a judge of how they are read.

``python -m tests.serialization.file_mutants FIRST COUNT`` tries the mutants of these numbers in one process, whose memory is
limited, and prints the number of each before it is tried. A reader may give

- the arrays that an independent reading of the same bytes gives (`right`): the original ones, or others where the raw
  values, or a header that still fits them, were changed;
- the documented error, with the path in its message;

within five seconds and ten times the file's size plus 64 MiB. Of checkpoints, those accepted must train on.
"""

# ruff: noqa: E501, PT017
import contextlib
import gzip
import io
import itertools
import json
import math
import pickle
import pickletools
import random
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
import tracemalloc
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np

import minigrad as mg
from minigrad import nn, optim
from minigrad.data import read_idx
from minigrad.errors import DatasetFileError, WeightsFileError
from minigrad.serialization import load_npz, load_pickled_params, load_safetensors
from minigrad.serialization.npy import load_npy
from minigrad.training import Trainer

SECONDS, SMALL, RATIO = 5, 64 * 2**20, 10
ARRAYS = {
    "w": np.arange(6, dtype=np.float32).reshape(2, 3),
    "n": np.array(7),
    "b": np.array([True, False]),
    "e": np.zeros((0, 2)),
    "f": np.asfortranarray(np.arange(6.0).reshape(3, 2)),
    "i": np.arange(4, dtype=">i2"),
}
NUMBERS = (0, 1, -1, 2, 3, 7, 64, 65, 255, 256, 2**16 - 1, 2**31 - 1, 2**32 - 1, 2**40, 2**63 - 1, 2**63, 2**64, 10**30)
VALUES = (None, True, False, -1, 0, 1, 3, 2**31, 2**53, 2**63, 10**30, 0.0, -0.5, 1e308, 1e-320, math.nan, math.inf, "", "x",
          "a" * 1000, [], {}, [1], [[]], {"a": 1}, {"list": []}, ())  # fmt: skip


def number(r):
    return r.choice(NUMBERS) if r.random() < 0.7 else r.randrange(-2, 70)


def scratched(r, data):
    """Flips, cuts, insertions, repetitions and integers in a few places, of whatever format."""
    data = bytearray(data)
    for _ in range(r.choice((1, 1, 1, 2, 3, 8))):
        at, way = r.randrange(len(data) + 1), r.randrange(7)
        if way == 0 and at < len(data):
            data[at] ^= 1 << r.randrange(8)
        elif way == 1:
            del data[at:]
        elif way == 2:
            del data[at : at + r.randrange(1, 20)]
        elif way == 3:
            data[at:at] = r.randbytes(r.randrange(1, 12))
        elif way == 4:
            data[at:at] = data[at : at + r.randrange(1, 60)] * r.choice((1, 2, 50))
        elif way == 5:
            width = r.choice((1, 2, 4, 8))
            data[at : at + width] = (number(r) % 256**width).to_bytes(width, r.choice(("little", "big")))
        else:
            other = r.randrange(len(data) + 1)
            data[at : at + 8] = data[other : other + 8]
    return bytes(data)


def changed(r, tree):
    """A copy of a nested structure in which one value, key or length is another."""
    if not isinstance(tree, dict | list | tuple) or not tree or r.random() < 0.15:
        if isinstance(tree, float | int) and not isinstance(tree, bool) and r.random() < 0.5:
            return r.choice((number(r), -tree, tree + 1, float(tree), str(tree), [tree]))
        return r.choice(VALUES)
    items = list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree))
    at, way = r.randrange(len(items)), r.random()
    key, value = items[at]
    if way < 0.75:
        items[at] = key, changed(r, value)
    elif way < 0.83:
        del items[at]
    elif way < 0.91:
        items.insert(at, (r.choice(("x", "", 3, key)), r.choice((value, *VALUES))))
    else:
        items[at] = key, items[r.randrange(len(items))][1]
    return dict(items) if isinstance(tree, dict) else type(tree)(value for _, value in items)


# .npy and .npz

CODES = ("<f4", "<f8", ">f8", "|b1", "<i8", "|u1", "|O", "<c16", "<M8[s]", "|V8", "<U2", "f8,f8", "(9,)f8", "a8", "", "f16", 5,
         None, [("a", "<f8")], "<f99999999", ">f2", "x" * 100)  # fmt: skip
HEADERS = ("(" * 5000, "-" * 9000, "{'descr': '''", "'\\x", "1" * 9000, "[]" * 3000, "{'descr': 1, 2: 3", "\0", "{" * 3000,
           "1+1j" * 2000, "{'shape': (3L, 4L), 'descr': '<f8', 'fortran_order': True}", "lambda: 0", "a.b" * 3000)  # fmt: skip


def npy(r, array, fair):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, allow_pickle=False)
    data = buffer.getvalue()
    if r.random() < fair:
        return data
    header = {"descr": array.dtype.str, "fortran_order": r.random() < 0.3, "shape": array.shape}
    way = r.randrange(6)
    if way == 0:
        header["descr"] = r.choice(CODES)
    elif way == 1:
        header["shape"] = tuple(number(r) for _ in range(r.choice((0, 1, 2, 3, 64, 65, 70))))
    elif way == 2:
        header["shape"] = array.shape[::-1]
    elif way == 3:
        header = changed(r, header)
    text = r.choice(HEADERS) if way == 4 else repr(header)
    text = text.encode() + b"\n" * r.randrange(2)
    version = r.choice(((1, 0), (1, 0), (1, 0), (2, 0), (3, 0), (9, 1)))
    size = len(text) if r.random() < 0.9 else number(r) % 2**16
    packed = struct.pack("<H" if version == (1, 0) else "<I", size % 2**16 if version == (1, 0) else size)
    return b"\x93NUMPY" + bytes(version) + packed + text + array.tobytes()


def zipped(r, members):
    """A zip by hand, with one field of a header or of the directory changed now and then."""
    body, directory, odd = b"", b"", r.random()
    for name, data in members:
        method = r.choice((0, 0, 8))
        stored = data
        if method:
            packer = zlib.compressobj(9, wbits=-15)
            stored = packer.compress(data) + packer.flush()
        fields = {"flags": 0, "method": method, "crc": zlib.crc32(data), "stored": len(stored), "size": len(data)}
        local, central = dict(fields), dict(fields, offset=len(body))
        for where, chance in ((local, 0.1), (central, 0.2)):
            if odd < 0.7 and r.random() < chance:
                field = r.choice(list(where))
                where[field] = r.choice((8, 9, 12, 14, 93, 0)) if field == "method" else number(r)
        body += struct.pack("<4s5H3I2H", b"PK\3\4", 20, local["flags"] % 2**16, local["method"] % 2**16, 0, 33,
                            *(local[k] % 2**32 for k in ("crc", "stored", "size")), len(name), 0) + name + stored  # fmt: skip
        extra = r.choice((b"", b"", b"", b"", struct.pack("<HHQQ", 1, 16, len(data), len(stored)), r.randbytes(7)))
        directory += struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, central["flags"] % 2**16, central["method"] % 2**16, 0, 33,
                                 *(central[k] % 2**32 for k in ("crc", "stored", "size")), len(name), len(extra), 0, 0, 0, 0,
                                 central["offset"] % 2**32) + name + extra  # fmt: skip
    end = [len(members), len(members), len(directory), len(body)]
    if r.random() < 0.1:
        end[r.randrange(4)] = number(r)
    tail = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, end[0] % 2**16, end[1] % 2**16, end[2] % 2**32, end[3] % 2**32, 0)
    if r.random() < 0.05:  # the record and the locator of zip64
        record = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, *(number(r) % 2**64 for _ in range(4)))
        tail = record + struct.pack("<4sIQI", b"PK\6\7", 0, len(body) + len(directory), 1) + tail
    return body + directory + tail


def make_npz(r):
    if r.random() < 0.3:
        buffer = io.BytesIO()
        r.choice((np.savez, np.savez_compressed))(buffer, **ARRAYS)
        return scratched(r, buffer.getvalue())
    names = [f"{name}.npy".encode() for name in ARRAYS]
    if r.random() < 0.2:
        names[r.randrange(len(names))] = r.choice(
            (b"w.npy", b"", b"../a.npy", b"\xff.npy", b"a.txt", b"a" * 5000 + b".npy", b".npy")
        )
    fair = r.choice((1, 1, 0.9))
    members = [(name, npy(r, array, fair)) for name, array in zip(names, ARRAYS.values(), strict=True)]
    if r.random() < 0.02:  # a bomb
        size = r.choice((10**6, 10**8))
        head = repr({"descr": "|u1", "fortran_order": False, "shape": (size,)}).encode()
        members = [(b"z.npy", b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head + bytes(size))]
    data = zipped(r, members)
    return scratched(r, data) if r.random() < 0.1 else data


def right_npz(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with np.load(path, allow_pickle=False) as found:
            return {name.removesuffix(".npy"): found[name] for name in found.zip.namelist()}


def make_npy(r):
    data = npy(r, r.choice(list(ARRAYS.values())), 0.2)
    return scratched(r, data) if r.random() < 0.2 else data


def right_npy(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.load(path, allow_pickle=False)


# .safetensors


def make_safetensors(r):
    import safetensors.numpy

    arrays = {name: np.ascontiguousarray(array) for name, array in ARRAYS.items() if array.dtype.isnative}
    data = safetensors.numpy.save(arrays, {"format": "np"} if r.random() < 0.5 else None)
    if r.random() < 0.3:
        return scratched(r, data)
    size = int.from_bytes(data[:8], "little")
    header, payload = json.loads(data[8 : 8 + size]), data[8 + size :]
    way = r.randrange(6)
    if way == 0:
        header["__metadata__"] = r.choice((*VALUES, {"__metadata__": "x"}, {"minigrad.sha256": "0"}, {"__tree__": "[]"}))
    elif way == 1:
        header[r.choice(list(arrays))]["shape"] = [number(r) for _ in range(r.choice((0, 1, 2, 70)))]
    elif way == 2:
        header["more"] = {"dtype": "U8", "shape": [0, *(number(r) for _ in range(2))], "data_offsets": [0, 0]}
    elif way == 3:
        header = changed(r, header)
    elif way == 4:
        first, second = r.sample(list(arrays), 2)
        header[first], header[second] = header[second], header[first]
    text = json.dumps(header).encode() if way < 5 else r.choice((b'{"a":' * 10_000, b"[" * 10_000, b"{}", b"null", b""))
    text += b" " * (-len(text) % 8)
    return (len(text) if r.random() < 0.95 else number(r) % 2**64).to_bytes(8, "little") + text + payload


def right_safetensors(path):
    import safetensors.numpy

    return safetensors.numpy.load(path.read_bytes())


# The book's pickle


def pickled(r):
    arrays = {"W1": np.arange(6, dtype=np.float32).reshape(2, 3), "b1": np.zeros((0, 2)), "b2": np.array([True])}
    return pickle.dumps(arrays, r.randrange(pickle.HIGHEST_PROTOCOL + 1))


def operations(data):
    """The operations of a pickle, each as its bytes."""
    places = [at for _, _, at in pickletools.genops(data)] + [len(data)]
    return [data[a:b] for a, b in itertools.pairwise(places)]


def text_operation(text):
    return b"X" + struct.pack("<I", len(text)) + text


ODD = (
    b"(", b")", b"]", b"}", b"0", b"1", b"2", b"N", b"R", b"b", b"s", b"u", b"t", b"\x85", b"\x86", b"\x87", b"\x94", b"h\0",
    b"q\0", b"cos\nsystem\n", b"cnumpy\nndarray\n", b"cnumpy\ndtype\n", b"c__builtin__\nbytes\n", b"c_codecs\nencode\n",
    b"\x93", b"\x81", b"\x92", b"Q", b"Px\n", b"\x97", b"\x98", b"\x88", b"J\xff\xff\xff\x7f", b"\x8b\4\0\0\0\xff\xff\xff\x7f",
    b"I3\n", b"L" + b"9" * 5000 + b"L\n", b"r\xff\xff\xff\x7f", b"j\1\0\0\0", text_operation(b"f8"), text_operation(b"O"),
    text_operation(b"<"), b"B\2\0\0\0ab", b"\x82\1", b"i__main__\nx\n", b"o", b"\x8f", b"\x90", b"\x91", b"F1.5\n", b"\x80\5",
)  # fmt: skip


def make_pickle(r):
    way = r.randrange(10)
    if way == 0:  # deep tuples, or ones that double, where a key, a dtype's name, a shape or the data should be
        depth = r.choice((50, 5000, 150_000))
        nested = b")" + (b"\x85" * depth if r.random() < 0.5 else b"q\1h\1\x86" * 100)
        return b"}" + r.choice((
            nested + b"Ns.", b"X\1\0\0\0a" + nested + b"s.",
            b"X\1\0\0\0acnumpy\ndtype\n(" + nested + b"tRs.",
            b"X\1\0\0\0acnumpy\ndtype\n(X\2\0\0\0f8tR" + b"(K\3" + nested + b"NNNtbs.",
            b"X\1\0\0\0acnumpy.core.multiarray\n_reconstruct\n)R(K\1" + nested + b"cnumpy\ndtype\n(X\2\0\0\0f8tR\x89" + b"B\0\0\0\0tbs.",
        ))  # fmt: skip
    if way == 1:  # one text for many arrays
        text = b"X" + struct.pack("<I", 2**16) + bytes(2**16)
        one = b"cnumpy.core.multiarray\n_reconstruct\n)R(K\1J\0\0\1\0\x85cnumpy\ndtype\n(X\2\0\0\0u1tR\x89h\0tb"
        count = r.choice((1, 3, 2000))
        return b"}" + text + b"q\0" + b"".join(text_operation(b"%d" % i) + one + b"s" for i in range(count)) + b"."
    if way == 2:  # sizes whose product takes long
        big = b"\x8b" + struct.pack("<I", 5000) + b"\x7f" * 5000
        shape = b"(" + big + b"q\7" + b"h\7" * 200 + b"t"
        return b"}" + text_operation(b"a") + b"cnumpy.core.multiarray\n_reconstruct\n)R(K\1" + shape + b"cnumpy\ndtype\n(" + \
            text_operation(b"f8") + b"tR\x89C\0tbs."  # fmt: skip
    data = pickled(r)
    if way < 5:
        return scratched(r, data)
    parts = operations(data)
    for _ in range(r.choice((1, 1, 2, 5))):
        at, do = r.randrange(len(parts)), r.randrange(5)
        if do == 0:
            parts.pop(at)
        elif do == 1:
            parts.insert(at, r.choice(ODD) * r.choice((1, 1, 1, 3, 1000)))
        elif do == 2:
            parts[at] = r.choice(ODD)
        elif do == 3:
            parts.insert(at, r.choice(parts))
        else:
            other = r.randrange(len(parts))
            parts[at], parts[other] = parts[other], parts[at]
        if not parts:
            break
    return b"".join(parts)


def check_pickle(path, found):
    """There is no other safe reader: what is found must be made of bytes of the file."""
    data = path.read_bytes()
    assert type(found) is dict
    for name, array in found.items():
        assert type(name) is str and array.dtype.kind in "fiub" and array.dtype.isnative
        raw = [a.tobytes(order) for a in (array, array.byteswap()) for order in "CF"]
        texts = [text.decode("latin1") for text in raw]
        forms = [*raw, *(t.encode() for t in texts), *(t.encode("raw_unicode_escape") for t in texts)]
        forms += [t.encode("raw_unicode_escape").replace(b"\0", b"\\u0000").replace(b"\n", b"\\u000a") for t in texts]
        assert any(form in data for form in forms), name


# PyTorch's checkpoints

WRITTEN = {"w": mg.arange(6.0).reshape(2, 3), "h": np.arange(3, dtype=np.uint16), "list": [1, -(2**40), 2.5, None, True, (), "x"],
           3: {"b": mg.tensor([True])}}  # fmt: skip
ODD_HERE = (
    b"Q", b"R", b"]", b"a", b"e", b"}", b"s", b"u", b"q\1", b"h\1", b"h\0", b"\x85", b"(", b"t", b"N", b"\x88", b"G" + bytes(8),
    b"cbuiltins\neval\n", b"c__main__\nNet\n", b"ctorch\nSize\n", b"ctorch\ndevice\n", b"ctorch\nbfloat16\n",
    b"ctorch\nfloat8_e5m2\n", b"ctorch\nLongStorage\n", b"ctorch\nBoolStorage\n", b"ctorch.storage\nUntypedStorage\n",
    b"ctorch._utils\n_rebuild_parameter\n", b"ccollections\nCounter\n", b"ccollections\nOrderedDict\n", text_operation(b"0"),
    text_operation(b"ndarray1"), *(b"\x8a\x09" + n.to_bytes(9, "little", signed=True) for n in (-1, 0, 1, 7, 2**31, 2**62, 2**63)),
)  # fmt: skip


def make_pt(r):
    if r.random() < 0.5:
        data = (Path(__file__).parent / "pytorch_files" / r.choice(("kinds.pt", "storages.pt", "training.pt"))).read_bytes()
    else:
        file = io.BytesIO()
        mg.save(WRITTEN, file)
        data = file.getvalue()
    if r.random() < 0.3:
        return scratched(r, data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    first = next(iter(members))
    if r.random() < 0.9:
        parts = operations(members[first])
        for _ in range(r.choice((1, 1, 2, 5))):
            at, do = r.randrange(len(parts)), r.randrange(5)
            if do == 0:
                parts[at : at + r.choice((1, 1, 9))] = [r.choice(ODD_HERE)]
            elif do == 1:
                parts.insert(at, r.choice(ODD_HERE) * r.choice((1, 1, 1, 3, 1000)))
            elif do == 2 and len(parts) > 9:
                del parts[at : at + r.choice((1, 2, 9))]
            else:
                other = r.randrange(len(parts))
                parts[at:at] = parts[other : other + r.choice((1, 1, 5, 20))]
        members[first] = b"".join(parts)
    else:
        name = r.choice(list(members))
        members[name] = r.choice(
            (b"", b"big", members[name] + b"x", members[name][:-1], scratched(r, members[name] or b"x"))
        )
    if r.random() < 0.2:
        return zipped(r, [(name.encode(), data) for name, data in members.items()])
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", r.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def check_pt(path, found):
    """What was accepted is made of the kinds of values that are admitted, and no larger than its file may make it."""
    seen, queue, size = {}, [found], 0
    while queue:
        value = queue.pop()
        if id(value) in seen:
            continue
        seen[id(value)] = value
        if isinstance(value, dict):
            assert type(value).__name__ in ("dict", "OrderedDict", "Counter")
            queue += [*value, *value.values()]
        elif isinstance(value, list | tuple):
            assert type(value) in (list, tuple, mg.Size)
            queue += value
        elif isinstance(value, mg.Tensor | np.ndarray):
            array = value.detach().numpy() if isinstance(value, mg.Tensor) else value
            assert array.dtype.kind in "fiub" and array.dtype.isnative
            size += len(array.tobytes())
        else:
            assert type(value) in (str, int, float, bool, type(None)) or value is mg.bfloat16 or isinstance(value, np.dtype)
    assert size <= RATIO * path.stat().st_size + SMALL


# IDX


def make_idx(r):
    array = np.arange(6, dtype=np.uint8)
    code, shape = 8, [2, 3]
    payload = array.tobytes()
    way = r.randrange(5)
    if way == 0:
        code = r.choice((8, 9, 11, 12, 13, 14, 10, 255))
        payload = r.randbytes(6 * {11: 2, 12: 4, 13: 4, 14: 8}.get(code, 1))
    elif way == 1:
        shape = [number(r) % 2**32 for _ in range(r.choice((0, 1, 2, 3, 64, 65, 255)))]
    elif way == 2:
        shape = r.choice(([6], [3, 2], [1, 6, 1], [0, 2**32 - 1, 2**32 - 1, 9], [0], [1] * 64, [2, 2]))
        payload = payload if 0 not in shape else b""
    head = struct.pack(">HBB", r.choice((0, 0, 0, 0, 1, 2**15)), code, len(shape) % 256)
    data = head + b"".join(struct.pack(">I", n) for n in shape) + payload
    if r.random() < 0.02:
        size = r.choice((10**6, 10**8))
        data = struct.pack(">HBBI", 0, 8, 1, size) + bytes(size)
        return gzip.compress(data, 1)
    if r.random() < 0.4:
        data = gzip.compress(data, mtime=0)
        if r.random() < 0.2:
            data += r.choice(
                (b"\0" * 9, b"\x1f\x8b", gzip.compress(b"", mtime=0) * 50, gzip.compress(bytes(10**6), mtime=0), b"x")
            )
    return scratched(r, data) if r.random() < 0.5 else data


def right_idx(path):
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    dtype = np.dtype({8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}[data[2]])
    shape = struct.unpack(f">{data[3]}I", data[4 : 4 + 4 * data[3]])
    array = np.frombuffer(data[4 + 4 * data[3] :], dtype).reshape(shape)
    assert data[:2] == b"\0\0"
    return array.astype(dtype.newbyteorder("="))


# The structure of what `save` wrote

STATE = {"a": mg.ones(2), "list": [1, 2.5, "x", None, True, ()], 3: {"t": (mg.zeros(1), {"u": mg.ones(1)})}}


def make_tree(r):
    with tempfile.TemporaryDirectory() as folder:
        mg.save(STATE, Path(folder) / "t.npz")
        arrays = load_npz(Path(folder) / "t.npz")
    tree = json.loads(arrays["__tree__"].tobytes())
    for _ in range(r.choice((1, 1, 2))):
        tree = changed(r, tree)
    text = json.dumps(tree).encode()
    if r.random() < 0.2:
        text = r.choice((b'{"list": [' * 5000, b"[" * 10_000, b'{"list": {"a": 1}}', b'{"dict": ["ab"]}', b"[],", b"\xff",
                         b'{"list": [' + b"[]," * 100_000 + b"1]}", scratched(r, text)))  # fmt: skip
    arrays["__tree__"] = np.frombuffer(text, np.uint8)
    return archive(arrays)


def archive(arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def check_tree(path, found):
    """What was accepted can be written again, as the same text, with the same arrays."""
    again = path.with_name("again.npz")
    mg.save(found, again)
    first, second = load_npz(path), load_npz(again)
    if "__tree__" not in second:  # a plain dict of tensors
        return
    # JSON drops keys that are there twice, and writes -0 or 1e0 otherwise
    assert repr(json.loads(first.pop("__tree__").tobytes())) == repr(json.loads(second.pop("__tree__").tobytes()))
    assert set(first) == set(second) and all(np.array_equal(first[k], second[k]) for k in first)


# Checkpoints of a trainer

X = np.linspace(-1, 1, 48, dtype=np.float32).reshape(12, 4)
T = np.arange(12) % 3
TRAINERS = (
    ("Adam", {"amsgrad": True}, {"scheduler": lambda o: optim.lr_scheduler.CosineAnnealingLR(o, 4)}),
    ("SGD", {"momentum": 0.9}, {"scheduler": lambda o: optim.lr_scheduler.MultiStepLR(o, [1, 3], 0.5)}),
    ("RMSprop", {}, {"scheduler": lambda o: optim.lr_scheduler.ReduceLROnPlateau(o, patience=0)}),
    ("Adam", {}, {"scheduler": lambda o: optim.lr_scheduler.OneCycleLR(o, 0.01, 12), "schedule_per": "batch"}),
    ("SGD", {}, {"scheduler": lambda o: optim.lr_scheduler.CosineAnnealingWarmRestarts(o, 2)}),
    ("SGD", {}, {"scheduler": lambda o: optim.lr_scheduler.SequentialLR(
        o, [optim.lr_scheduler.LinearLR(o), optim.lr_scheduler.StepLR(o, 2)], [2])}),
    ("AdamW", {}, {}),
)  # fmt: skip
STATES = {}


def trainer(which):
    mg.manual_seed(0)
    name, options, others = TRAINERS[which]
    mt = np.random.Generator(np.random.MT19937(0))
    network = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Dropout(0.2, mt), nn.Linear(5, 3))
    return Trainer(network, X, T, X, T, epochs=4, mini_batch_size=4, optimizer=name, optimizer_param=options, verbose=False, seed=1,
                   **others)  # fmt: skip


class Enough(Exception):
    pass


def state(which, middle):
    """The state after an epoch, or in the middle of the second."""
    if (which, middle) not in STATES:
        made = trainer(which)
        made.epochs = 1
        made.train()
        if middle:
            step = made.train_step

            def stop(x, t):
                if len(made.train_loss_list) == 5:
                    raise Enough
                return step(x, t)

            made.train_step, made.epochs = stop, 4
            try:
                made.train()
            except Enough:
                del made.train_step
        STATES[which, middle] = made.state_dict()
    return STATES[which, middle]


def make_checkpoint(r):
    which = r.randrange(len(TRAINERS))
    mutant = changed(r, state(which, r.random() < 0.5))
    if r.random() < 0.2:
        mutant = changed(r, mutant)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "c.npz"
        try:
            mg.save(mutant, path)
        except (TypeError, ValueError):
            return make_checkpoint(r)
        return bytes([which]) + path.read_bytes()  # the trainer that `read_checkpoint` is to make


def read_checkpoint(path):
    data = path.read_bytes()
    file = path.with_name("c.npz")
    file.write_bytes(data[1:])
    made = trainer(data[0])
    before = pickle.dumps(made.state_dict())
    try:
        made.load_checkpoint(file)
    except WeightsFileError as error:
        assert pickle.dumps(made.state_dict()) == before, "a refused checkpoint has changed the trainer"
        raise WeightsFileError(f"{path}: {error}") from None
    made.epochs = min(len(made.history) + 1, 20)
    with contextlib.suppress(FloatingPointError):  # documented: numbers that no training survives
        made.train()
    return made.state_dict()


# The judge

KINDS = {
    "npz": (make_npz, load_npz, WeightsFileError, right_npz),
    "npy": (make_npy, load_npy, WeightsFileError, right_npy),
    "safetensors": (make_safetensors, lambda path: load_safetensors(path)[0], WeightsFileError, right_safetensors),
    "pickle": (make_pickle, load_pickled_params, WeightsFileError, check_pickle),
    "pt": (make_pt, mg.load, WeightsFileError, check_pt),
    "idx": (make_idx, read_idx, DatasetFileError, right_idx),
    "tree": (make_tree, mg.load, WeightsFileError, check_tree),
    "checkpoint": (make_checkpoint, read_checkpoint, WeightsFileError, None),
}
SUFFIX = {"safetensors": ".safetensors", "pickle": ".pkl", "pt": ".pt"}


def same(a, b):
    if isinstance(a, dict):
        return set(a) == set(b) and all(same(a[k], b[k]) for k in a)
    return (
        a.dtype == b.dtype.newbyteorder("=") and a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    )


def kind_of(i, kinds):
    return kinds[i % len(kinds)]


def judge(i, kind, folder):
    """True where mutant `i` was read, False where it was refused; raises AssertionError for anything else."""
    make, read, refusal, right = KINDS[kind]
    data = make(random.Random(i))
    path = folder / f"mutant{SUFFIX.get(kind, '.npz')}"
    path.write_bytes(data)
    tracemalloc.start()
    started = time.perf_counter()
    signal.alarm(2 * SECONDS)
    try:
        found = read(path)
    except refusal as error:
        assert str(path) in str(error), f"no path in: {error}"
        assert len(str(error)) < 20_000
        return False
    finally:
        signal.alarm(0)
        seconds, memory = time.perf_counter() - started, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert seconds < SECONDS, f"took {seconds:.1f} s"
        assert memory <= RATIO * len(data) + SMALL, f"took {memory} bytes of memory for a file of {len(data)}"
    if right in (check_pickle, check_tree, check_pt):
        right(path, found)
    elif right is not None:
        assert same(found, right(path)), "other arrays than an independent reading gives"
    return True


def main(first, count):
    mg.manual_seed(0)
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    try:
        import safetensors  # noqa: F401
    except ImportError:
        del KINDS["safetensors"]
    kinds = list(KINDS)
    resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))  # for what escapes tracemalloc
    read, failed = dict.fromkeys(kinds, 0), 0
    with tempfile.TemporaryDirectory() as folder:
        for i in range(first, first + count):
            kind = kind_of(i, kinds)
            print(f"trying {i} {kind}", flush=True)
            try:
                read[kind] += judge(i, kind, Path(folder))
            except BaseException:
                failed += 1
                print(f"FAILED {i} {kind}\n{traceback.format_exc()[-1500:]}", flush=True)
    print(f"done: {count} tried, {failed} failed, read: {read}", flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
