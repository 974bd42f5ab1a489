"""PyTorch's checkpoints: real ones, read without PyTorch; what `save` writes; and files that nobody should trust."""

import contextlib
import io
import json
import pickle
import pickletools
import struct
import tracemalloc
import warnings
import zipfile
from collections import Counter, OrderedDict

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import WeightsFileError
from minigrad.serialization import load_pt, save_pt
from tests.serialization.make_pytorch_files import DTYPES, FLOATS8, FOLDER
from tests.serialization.test_formats import same

ADMITTED = {  # by torch.load(weights_only=True), of any version since 1.13
    "PROTO", "EMPTY_DICT", "MARK", "BINUNICODE", "GLOBAL", "BINPERSID", "BININT", "TUPLE", "NEWFALSE", "NEWTRUE", "NONE",
    "REDUCE", "SETITEMS", "EMPTY_LIST", "APPENDS", "BINFLOAT", "LONG1", "STOP", "EMPTY_TUPLE",
}  # fmt: skip


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def write(path, contents, folder="any", method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in contents.items():
            archive.writestr(zipfile.ZipInfo(f"{folder}/{name}"), data, method)
    return path


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def name(value):
    return b"c" + value.replace(" ", "\n").encode() + b"\n"


def number(value):
    coded = pickle.encode_long(value)
    return b"\x8a" + bytes([len(coded)]) + coded


def storage(kind="torch FloatStorage", key="0", count=6, location="cpu"):
    return b"(" + text("storage") + name(kind) + text(key) + text(location) + number(count) + b"tQ"


def sizes(*values):
    return b"(" + b"".join(number(value) if isinstance(value, int) else value for value in values) + b"t"


def tensor(data=None, offset=0, size=(6,), stride=(1,), function="torch._utils _rebuild_tensor_v2", grad=b"\x89", more=b""):
    parts = (storage() if data is None else data, number(offset), sizes(*size), sizes(*stride), grad)
    return name(function) + b"(" + b"".join(parts) + name("collections OrderedDict") + b")R" + more + b"tR"


def checkpoint(path, value, **changes):
    """A file whose object is the pickled `value`, with a storage "0" of six float32."""
    contents = {"data.pkl": b"\x80\x02" + value + b".", "byteorder": b"little", "version": b"3\n"}
    contents["data/0"] = np.arange(6, dtype="<f4").tobytes()
    contents |= {key.replace("_", "/"): data for key, data in changes.items()}
    return write(path, {key: data for key, data in contents.items() if data is not None})


# Reading what PyTorch wrote


def test_every_kind_of_value():
    found = mg.load(FOLDER / "kinds.pt")
    assert {key: str(value.dtype) for key, value in found["dtypes"].items()} == {key: key for key in DTYPES}
    assert all(value.tolist() == [0, 1, 1] for value in found["dtypes"].values())
    base = np.arange(12, dtype=np.float32).reshape(3, 4)
    views = [base.T, base[1:, ::2], np.full((2, 3), 7, np.float32), np.float32(3)]
    assert same(found["strided"], [mg.tensor(view) for view in views])
    assert found["bfloat16"].dtype == np.float32 and found["bfloat16"].tolist() == [1.5, -2.0, np.inf]
    assert found["empty"].shape == (0, 3)
    assert type(found["parameter"]) is nn.Parameter and found["parameter"].requires_grad
    assert type(found["frozen"]) is nn.Parameter and not found["frozen"].requires_grad
    assert found["leaf"].requires_grad and type(found["leaf"]) is mg.Tensor and not found["empty"].requires_grad
    assert found["ordered"] == OrderedDict(a=1, b=OrderedDict()) and type(found["ordered"]["b"]) is OrderedDict
    assert found["counter"] == Counter({3: 1})
    assert found["about"] == [(2, 3), "cuda:1", "cpu", np.dtype("int16"), mg.bfloat16]
    expected = [1, -1, 2**40, -(2**70), 1.5, float("inf"), True, False, None, "é\n", (), (1, [2]), {1: 2, 2.5: None}]
    assert same(found["values"], expected)
    assert same(found["array"], np.arange(6, dtype=np.int32).reshape(2, 3)) and found["array"].flags.writeable


def test_the_state_dict_of_a_module_by_itself_and_beside_others(tmp_path):
    state = name("collections OrderedDict") + b")R" + text("a") + number(1) + b"s}" + text("_metadata") + b"}sb"
    assert mg.load(checkpoint(tmp_path / "w.pt", state)) == OrderedDict(a=1)
    both = b"}(" + text("first") + number(2) + text("second") + state + b"u"
    assert mg.load(checkpoint(tmp_path / "w.pt", both)) == {"first": 2, "second": OrderedDict(a=1)}


def test_tensors_of_the_same_elements_stay_shared_and_others_do_not(tmp_path):
    found = mg.load(FOLDER / "kinds.pt")
    first, second = found["tied"]
    first += 1
    assert second.tolist() == [2, 2]
    found["strided"][0].zero_()
    assert found["strided"][3] == 3
    path = checkpoint(tmp_path / "parts.pt", b"](" + tensor(size=(4,)) + tensor(offset=1, size=(4,)) + b"e")
    left, right = mg.load(path)
    assert (left.tolist(), right.tolist()) == ([0, 1, 2, 3], [1, 2, 3, 4])
    assert not np.shares_memory(left.array, right.array)


def test_floats_of_8_bits():
    """Each code, by the formula of its format."""
    found = mg.load(FOLDER / "floats8.pt")
    assert list(found) == list(FLOATS8)
    bits = {"float8_e4m3fn": (4, 7), "float8_e4m3fnuz": (4, 8), "float8_e5m2": (5, 15), "float8_e5m2fnuz": (5, 16)}
    for kind, values in found.items():
        assert values.dtype == np.float32 and values.shape == (256,)
        for code, value in enumerate(values.tolist()):
            if kind == "float8_e8m0fnu":
                expected = 2.0 ** (code - 127) if code < 255 else np.nan
            else:
                exponent, bias = bits[kind]
                mantissa = 7 - exponent
                power, fraction = code % 128 >> mantissa, code % 2**mantissa / 2**mantissa
                expected = (-1) ** (code >> 7) * (
                    2.0 ** (power - bias) * (1 + fraction) if power else 2.0 ** (1 - bias) * fraction
                )
                if (kind.endswith("fnuz") and code == 128) or (kind == "float8_e4m3fn" and code % 128 == 127):
                    expected = np.nan
                if kind == "float8_e5m2" and power == 31:
                    expected = np.nan if fraction else np.copysign(np.inf, expected)
            assert value == expected or (value != value and expected != expected), (kind, code)
        if kind in ("float8_e4m3fn", "float8_e5m2"):
            assert np.signbit(values.numpy()[[0, 128]]).tolist() == [False, True]  # the two zeros


def test_a_training_goes_on_where_pytorch_left_it():
    """The second step, by Adam's equations."""
    found = mg.load(FOLDER / "training.pt")
    net = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1)).double()
    optimizer = optim.Adam(net.parameters())
    assert not any(net.load_state_dict(found["net"]))
    optimizer.load_state_dict(found["optimizer"])
    assert optimizer.param_groups[0]["lr"] == 0.125 and net[1].num_batches_tracked == 1
    first, second = 0.4, 0.9 * 0.4 + 0.1 * 2
    net[1].weight.grad = mg.tensor([2.0], dtype=mg.float64)
    optimizer.step()
    squares = 0.999 * 0.001 * (first / 0.1) ** 2 + 0.001 * 2**2
    step = 0.125 * second / (1 - 0.9**2) / (np.sqrt(squares / (1 - 0.999**2)) + 1e-8)
    np.testing.assert_allclose(net[1].weight.item(), found["net"]["1.weight"].item() - step, rtol=1e-7)


def test_archives_of_older_versions_and_other_programs(tmp_path):
    """Without the records that newer versions add, in any folder, and compressed."""
    contents = members(FOLDER / "kinds.pt")
    expected = mg.load(FOLDER / "kinds.pt")
    old = {key: data for key, data in contents.items() if not key.startswith(".") and key != "byteorder"}
    assert len(old) < len(contents)
    for folder, method in (("archive", zipfile.ZIP_STORED), ("a b", zipfile.ZIP_DEFLATED)):
        found = mg.load(write(tmp_path / "w.pt", old, folder, method))
        left = {key: value for key, value in expected.items() if not getattr(value, "requires_grad", False)}
        assert same({key: found[key] for key in left}, left) and list(found) == list(expected)


def test_both_orders_of_bytes(tmp_path):
    path = checkpoint(tmp_path / "w.pt", tensor(), byteorder=b"big", data_0=np.arange(6, dtype=">f4").tobytes())
    assert mg.load(path).tolist() == [0, 1, 2, 3, 4, 5] and mg.load(path).dtype.isnative


def test_the_content_decides_under_the_suffixes_of_pytorch(tmp_path):
    mg.save({"w": mg.ones(1)}, tmp_path / "w.npz")
    (tmp_path / "p.pkl").write_bytes(pickle.dumps({"w": np.ones(1)}))
    for file in ("w.npz", "p.pkl", FOLDER / "storages.pt"):
        data = (tmp_path / file).read_bytes()
        for suffix in (".pt", ".pth", ".ckpt", ".bin", ".pkl", ""):
            (tmp_path / f"x{suffix}").write_bytes(data)
            assert "w" in mg.load(tmp_path / f"x{suffix}")
        if file != "p.pkl":
            assert "w" in mg.load(io.BytesIO(data))
    (tmp_path / "w.npz").write_bytes((FOLDER / "storages.pt").read_bytes())
    with pytest.raises(WeightsFileError, match=r"w\.npz: .*is not the name of an array"):
        mg.load(tmp_path / "w.npz")


@pytest.mark.parametrize(
    "file, says",
    [
        ("before_1_6.pt", r"was written by torch\.save before PyTorch 1\.6, or with _use_new.*\n  hint: load it in PyTorch"),
        (
            "module.pt",
            r"the pickle refers to torch\.nn\.modules\.linear\.Linear; only tensors.*\n  hint: .*its state_dict\(\)",
        ),
        ("script.pt", r"an archive of TorchScript, .*\n  hint: in PyTorch, torch\.jit\.load it"),
    ],
)
def test_other_files_of_pytorch(file, says):
    with pytest.raises(WeightsFileError, match=rf"{file}: {says}"):
        mg.load(FOLDER / file)
    with pytest.raises(WeightsFileError, match=rf"the open file: {says}"):
        mg.load(io.BytesIO((FOLDER / file).read_bytes()))


# Writing


def test_the_bytes_that_are_written(tmp_path):
    """Stored, aligned, and made of what PyTorch's safe reader admits, without PyTorch on this machine."""
    value = {
        "w": mg.arange(6.0).reshape(2, 3), "list": [1, -(2**40), 2.5, "é", None, True, False, (), (1, (2,))], 3: {"a": []},
        "kinds": [mg.tensor(np.ones(3, kind)) for kind in DTYPES],
    }  # fmt: skip
    mg.save(value, tmp_path / "w.pt")
    data, contents = (tmp_path / "w.pt").read_bytes(), members(tmp_path / "w.pt")
    with zipfile.ZipFile(tmp_path / "w.pt") as archive:
        assert archive.namelist()[0] == "archive/data.pkl" and all(m.compress_type == 0 for m in archive.infolist())
        for member in archive.infolist():
            start = member.header_offset + 30 + sum(struct.unpack_from("<HH", data, member.header_offset + 26))
            assert start % 64 == 0 and data[start : start + member.file_size] == archive.read(member)
    assert contents["version"] == b"3\n" and contents["byteorder"] == b"little"
    assert contents["data/0"] == np.arange(6, dtype="<f4").tobytes()
    found = list(pickletools.genops(contents["data.pkl"]))
    assert {opcode.name for opcode, _, _ in found} == ADMITTED
    globals_ = {argument for opcode, argument, _ in found if opcode.name == "GLOBAL"}
    functions = {"torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_tensor_v3", "collections OrderedDict"}
    assert globals_ == functions | {f"torch uint{n}" for n in (16, 32, 64)} | {"torch.storage UntypedStorage"} | {
        f"torch {kind}Storage" for kind in ("Double", "Float", "Half", "Long", "Int", "Short", "Char", "Byte", "Bool")
    }
    assert same(mg.load(tmp_path / "w.pt"), value)


def test_tied_weights_are_written_once(tmp_path):
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    mg.save(net.state_dict(), tmp_path / "w.pt")
    assert sum(key.startswith("data/") for key in members(tmp_path / "w.pt")) == 3
    found = mg.load(tmp_path / "w.pt")
    found["0.weight"].fill_(5)
    assert found["1.weight"][0, 0] == 5


def test_what_is_not_written(tmp_path):
    mg.save([1], tmp_path / "w.pt")
    for value, error, says in [
        ({"a": object()}, TypeError, "a is of type object"),
        ([np.ones(1, np.longdouble)], TypeError, "0 has dtype float128, expected numbers"),
        ([np.array(["x"])], TypeError, "0 has dtype <U1, expected numbers"),
        ([2**3000], ValueError, "an integer of 376 bytes"),
    ]:
        with pytest.raises(error, match=says):
            mg.save(value, tmp_path / "w.pt")
    assert mg.load(tmp_path / "w.pt") == [1]


# Files that lie


@pytest.mark.parametrize(
    "value, refers",
    [
        (name("os system") + b"(" + text("true") + b"tR", "os.system"),
        (name("__main__ Net") + b")R", "__main__.Net"),
        (name("builtins complex") + b")R", "builtins.complex"),
        (name("__builtin__ set") + b")R", "__builtin__.set"),
        (name("argparse Namespace") + b")R", "argparse.Namespace"),
        (name("torch._utils _rebuild_sparse_tensor"), "torch._utils._rebuild_sparse_tensor"),
        (name("torch._utils _rebuild_qtensor"), "torch._utils._rebuild_qtensor"),
        (storage("torch ComplexFloatStorage"), "torch.ComplexFloatStorage"),
        (storage("torch QInt8Storage"), "torch.QInt8Storage"),
        (tensor(storage("torch.storage UntypedStorage"), more=name("torch float4_e2m1fn_x2")), "torch.float4_e2m1fn_x2"),
    ],
)
def test_other_objects_are_refused_by_name(tmp_path, value, refers):
    with pytest.raises(WeightsFileError, match=rf"w\.pt: the pickle refers to {refers}; only tensors.*\n  hint"):
        mg.load(checkpoint(tmp_path / "w.pt", value))


def test_records_that_are_no_values(tmp_path):
    for value, says in [
        (name("torch Size"), "an object of the kind Size"),
        (storage(), "an object of the kind Storage"),
        (name("_codecs encode") + b"(" + text("a") + text("latin1") + b"tR", "an object of the kind bytes"),
        (b"]q\0h\0a", "a list or dict that contains itself"),
        (b"}q\0" + text("a") + b"h\0s", "a list or dict that contains itself"),
        (b"]" * 5000 + b"a" * 4999, "recursion"),
    ]:
        with pytest.raises(WeightsFileError, match=says):
            mg.load(checkpoint(tmp_path / "w.pt", value))


UNTYPED = "torch.storage UntypedStorage"
V3 = "torch._utils _rebuild_tensor_v3"
HUGE = 2**62


@pytest.mark.parametrize(
    "value, says",
    [
        (tensor(size=(7,)), r"shape \(7,\) and strides \(1,\) beyond its storage of 6 elements"),
        (tensor(offset=1), "beyond its storage"),
        (tensor(size=(2, 3), stride=(4, 1)), "beyond its storage"),
        (tensor(size=(2,), stride=(HUGE,)), "beyond its storage"),
        (tensor(offset=HUGE, size=(1,)), "beyond its storage"),
        (tensor(offset=-1, size=(1,)), "not natural numbers"),
        (tensor(size=(-1,)), "not natural numbers"),
        (tensor(size=(2,), stride=(-1,)), "not natural numbers"),
        (tensor(size=(b"\x88",)), "not natural numbers"),
        (tensor(size=(2, 3)), "not natural numbers"),
        (tensor(size=(HUGE, HUGE), stride=(0, 0)), r"beyond 2\*\*63 bytes"),
        (tensor(size=(0, HUGE, HUGE), stride=(0, 0, 0)), r"beyond 2\*\*63 bytes"),
        (tensor(size=(2**40,), stride=(0,)), "declares more than 503.* bytes of data in a file of"),
        (tensor(size=(1,) * 65, stride=(1,) * 65), "65 axes"),
        (tensor(storage(count=5)), "any/data/0: 24 bytes, expected 20"),
        (tensor(storage(count=-6)), "24 bytes, expected -24"),
        (tensor(storage(count=HUGE)), "24 bytes, expected"),
        (tensor(storage("torch DoubleStorage")), "24 bytes, expected 48"),
        (tensor(storage(key="1")), "no item named 'any/data/1'"),
        (tensor(storage(key="../version")), "no item named"),
        (tensor(storage("torch BoolStorage", count=24)), "a boolean that is neither 0 nor 1"),
        (tensor(storage(UNTYPED)), "a tensor without a storage"),
        (tensor(storage(UNTYPED, count=24), function=V3, more=name("torch Size")), "a tensor without a storage"),
        (tensor(storage(UNTYPED, count=24), function=V3, size=(13,), more=name("torch int16")), "beyond its storage"),
        (tensor(b"N"), "a tensor without a storage"),
        (tensor(grad=b"N"), "a tensor without a storage"),
        (tensor(storage("torch LongStorage", count=3), size=(3,), grad=b"\x88"), "int64 cannot require a gradient"),
        (b"(" + text("storage") + b"tQ", "a persistent id that is not of a storage"),
        (b"NQ", "a persistent id that is not of a storage"),
        (
            b"(" + b"".join(map(text, ("storage", "x", "0", "cpu"))) + number(6) + b"tQ",
            "a persistent id that is not of a sto",
        ),
        (tensor(more=b"}" + text("neg") + b"\x88s"), r"marked with 'neg'\n  hint: in PyTorch, save tensor.resolve_neg\(\)"),
        (b"cos\nsystem now\n", "the pickle refers to os.system now"),
        (storage("torch float32"), "a persistent id that is not of a storage"),
        (name("torch Size") + sizes(sizes(-1)) + b"R", "a call that"),
        (name("torch Size") + sizes(text("a")) + b"R", "a call that"),
        (name("torch device") + sizes(sizes(1)) + b"R", "a call that"),
        (name("collections Counter") + sizes(text("a")) + b"R", "a call that"),
        (name("torch._utils _rebuild_parameter") + sizes(b"N", b"\x88", b"N") + b"R", "a call that"),
        (b"}" + sizes(sizes(1)) + b"Ns", "with str or int or float or bool or NoneType keys"),
        (b"N" + b"Na", "an item for what is not a list"),
        (name("torch device") + sizes(text("x" * 40)) + b"R", "a call that"),
        (b"\x8b\1\0\0\0\1", "found the operation LONG4"),
        (b"(i__main__\nNet\n", "found the operation INST"),
        (b"he", "it takes value 101 of those it has stored, of which there are 0"),
        (b"NN\x81", "found the operation NEWOBJ"),
        (b"\x82\1", "found the operation EXT1"),
        (number(1) + b"\x86", "the stack is empty"),
        (b"", "damaged"),
    ],
)
def test_pickles_that_lie(tmp_path, value, says):
    path = checkpoint(tmp_path / "w.pt", value)
    tracemalloc.start()
    try:
        with pytest.raises(WeightsFileError, match=f"(?s)w\\.pt: .*{says}"):
            mg.load(path)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"byteorder": b"middle"}, r"byteorder: expected little or big, got b'middle'"),
        ({"data_0": None}, "no item named"),
        ({"data.pkl": None}, "not a checkpoint of PyTorch, which has a data.pkl in its only folder"),
        ({"constants.pkl": b""}, "TorchScript"),
        ({"code/__torch__.py": b""}, "TorchScript"),
    ],
)
def test_members_that_lie(tmp_path, changes, says):
    with pytest.raises(WeightsFileError, match=f"w\\.pt: .*{says}"):
        mg.load(checkpoint(tmp_path / "w.pt", tensor(), **changes))


def test_archives_that_lie(tmp_path):
    path = tmp_path / "w.pt"
    good = {"a/data.pkl": b"\x80\2N.", "a/version": b"3"}
    for names, says in [
        (["a/data.pkl", "a/data.pkl"], "same name"),
        (["a/data.pkl", "b/data.pkl"], "its only folder"),
        (["a/data.pkl", "../version"], "is not the name"),
        (["data.pkl"], "its only folder"),
        (["a/b/data.pkl"], "its only folder"),
    ]:
        with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for each in names:
                archive.writestr(each, good.get(each, b"\x80\2N."))
        with pytest.raises(WeightsFileError, match=f"w\\.pt: .*{says}"):
            mg.load(path)
    write(path, {"data.pkl": b"N0" * 10**6 + b"N."}, method=zipfile.ZIP_DEFLATED)
    with pytest.raises(WeightsFileError, match=r"its data\.pkl expands to more than the file"):
        mg.load(path)
    data = checkpoint(path, tensor()).read_bytes()
    for bad in (data + b"x", b"x" + data, data[:-22] + b"PK\6\7" + data[-18:]):
        path.write_bytes(bad)
        with pytest.raises(WeightsFileError, match=r"w\.pt: "):
            mg.load(path)
    with pytest.raises(WeightsFileError, match="the open file: "):
        load_pt(io.BytesIO(b"PK\3\4"))
    with pytest.raises(FileNotFoundError):
        load_pt(tmp_path / "none.pt")


def test_doubled_lists_are_no_bomb(tmp_path):
    """A thousand lists of the one before, twice; each is made once."""
    doubled = b"]q\0" + b"".join(
        b"](h" + bytes([i % 2]) + b"h" + bytes([i % 2]) + b"eq" + bytes([(i + 1) % 2]) for i in range(200)
    )
    found = mg.load(checkpoint(tmp_path / "w.pt", doubled))
    assert len(found) == 2 and found[0] is found[1]


ARGUMENTS = len(name("torch._utils _rebuild_tensor_v2"))
CALL = b"h\0h\1R"
MANY = b"(" + b"K\1" * 50_000 + b"t\x85q\1"
BOMBS = {
    "lists": b"](" + b"]" * 110_000 + b"e",
    "tensors": b"](" + tensor()[:ARGUMENTS] + b"q\0" + tensor()[ARGUMENTS:-1] + b"q\1R" + CALL * 30_000 + b"e",
    "sizes": b"](" + name("torch Size") + b"q\0" + MANY + b"R" + CALL * 1000 + b"e",
    "counters": b"](" + name("collections Counter") + b"q\0}(" + b"".join(number(i) + b"N" for i in range(9999))
    + b"u\x85q\1R" + CALL * 1000 + b"e",
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
def test_many_objects_from_few_bytes(tmp_path, bomb):
    value = BOMBS[bomb]
    path = checkpoint(tmp_path / "w.pt", value)
    tracemalloc.start()
    try:
        with pytest.raises(WeightsFileError, match=r"w\.pt: declares more than \d+ bytes of data"):
            mg.load(path)
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("source", ["pytorch", "minigrad"])
def test_every_flip_and_truncation(tmp_path, source):
    """Pickle and elements have checksums: what is read after a flip is what was written."""
    data = (FOLDER / "storages.pt").read_bytes()
    expected = mg.load(io.BytesIO(data))
    if source == "minigrad":
        mg.save(expected, tmp_path / "w.pt")
        data = (tmp_path / "w.pt").read_bytes()
    read = 0
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
        found = read_or_refuse(changed)
        assert found is None or same(found, expected), at
        read += found is not None
        assert at % 7 or read_or_refuse(data[:at]) is None
    assert 0 < read < len(data) * 2 / 3  # of the padding and the dates


def read_or_refuse(data):
    """The object of a file, or None if it is refused in the documented way."""
    with contextlib.suppress(WeightsFileError):
        return mg.load(io.BytesIO(data))
    return None


# Beside PyTorch


def test_pytorch_reads_what_is_written(tmp_path):
    torch = pytest.importorskip("torch")
    arrays = {kind: np.arange(-3, 3).astype(kind).reshape(2, 3) for kind in DTYPES}
    arrays |= {"transposed": np.arange(6.0).reshape(2, 3).T, "empty": np.zeros((0, 2)), "number": np.array(3, ">i4")}
    value = {"a": {key: mg.tensor(array) for key, array in arrays.items()}, 3: {}, "array": np.ones(2),
             "n": [1, -(2**40), 2**2000, 1.5, np.nan, "é\ud800"], "t": (None, True, (False,))}  # fmt: skip
    mg.save(value, tmp_path / "w.pt")
    for options in ({}, {"mmap": True}):
        found = torch.load(tmp_path / "w.pt", weights_only=True, **options)
        assert list(found) == list(value) and same(found["n"], value["n"]) and found["t"] == value["t"] and found[3] == {}
        for key, array in arrays.items():
            assert found["a"][key].dtype == getattr(torch, array.dtype.name) and np.array_equal(
                found["a"][key].numpy(), array
            )
        assert type(found["array"]) is torch.Tensor
    assert same(mg.load(tmp_path / "w.pt"), value)
    file = io.BytesIO()
    mg.save({"w": mg.ones(2)}, file)
    assert torch.load(io.BytesIO(file.getvalue()))["w"].tolist() == [1, 1]
    shared = mg.ones(2)
    mg.save([shared, shared.detach()], tmp_path / "w.pt")
    first, second = torch.load(tmp_path / "w.pt")
    assert first.data_ptr() == second.data_ptr()


def test_what_pytorch_writes_is_read(tmp_path):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    base = torch.randn(4, 5, 6)
    views = [base, base.permute(2, 0, 1), base[1:3, ::2], base[:, 0], base[0, 0, 0], base.expand(2, 4, 5, 6), base[:0],
             base[..., None], base.as_strided((3, 3), (1, 1), 7)]  # fmt: skip
    codes = torch.arange(65536, dtype=torch.int32).to(torch.uint16).view(torch.bfloat16)
    kinds = [getattr(torch, kind) for kind in (*DTYPES, *FLOATS8, "bfloat16")]
    value = {"views": views, "codes": codes, "kinds": [torch.tensor([0.0, 1, 2, 100]).to(kind) for kind in kinds]}
    for protocol in (2, 4, 5):
        torch.save(value, tmp_path / "w.pt", pickle_protocol=protocol)
        found = mg.load(tmp_path / "w.pt")
        for ours, theirs in zip(
            [*found["views"], found["codes"], *found["kinds"]], [*views, codes, *value["kinds"]], strict=True
        ):
            exact = theirs.float() if str(theirs.dtype).startswith(("torch.float8", "torch.bfloat")) else theirs
            np.testing.assert_array_equal(ours.numpy(), exact.numpy())
            assert ours.numpy().dtype == exact.numpy().dtype
    for refused in (
        torch.ones(2).to_sparse(),
        torch.ones(1) * 1j,
        torch.nn.ReLU(),
    ):
        torch.save(refused, tmp_path / "w.pt")
        with pytest.raises(WeightsFileError, match="refers to torch"):
            mg.load(tmp_path / "w.pt")
    torch.save(torch._neg_view(base), tmp_path / "w.pt")  # the imaginary part of a conjugate is one
    with pytest.raises(WeightsFileError, match="a tensor that is marked with 'neg'"):
        mg.load(tmp_path / "w.pt")


OPTIMIZERS = [
    ("Adam", {"lr": 0.1, "amsgrad": True}), ("AdamW", {"lr": 0.1}), ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.1}), ("RMSprop", {"lr": 0.01, "momentum": 0.5, "centered": True}),
    ("Adagrad", {"lr": 0.1}),
]  # fmt: skip


@pytest.mark.parametrize("kind, options", OPTIMIZERS)
@pytest.mark.parametrize("forth", [True, False], ids=["from PyTorch", "to PyTorch"])
def test_a_training_changes_libraries(tmp_path, kind, options, forth):
    """Three steps in one library, a file, three in the other: as six in the first."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    batches = [(rng.normal(size=(8, 1, 6, 6)), rng.integers(0, 3, 8)) for _ in range(6)]

    def start(lib):
        lib.manual_seed(0)
        net = lib.nn.Sequential(
            lib.nn.Conv2d(1, 2, 3, bias=False), lib.nn.BatchNorm2d(2), lib.nn.Tanh(), lib.nn.Flatten(), lib.nn.Linear(32, 3)
        )
        net = net.double()
        return net, getattr(lib.optim, kind)(net.parameters(), **options)

    def steps(lib, net, optimizer, some):
        for x, t in some:
            optimizer.zero_grad()
            lib.nn.functional.cross_entropy(net(lib.tensor(x)), lib.tensor(t)).backward()
            optimizer.step()

    first, second = (torch, mg) if forth else (mg, torch)
    net, optimizer = start(first)
    steps(first, net, optimizer, batches[:3])
    first.save({"net": net.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "w.pt")
    other, other_optimizer = start(second)
    found = second.load(tmp_path / "w.pt")
    other.load_state_dict(found["net"])
    other_optimizer.load_state_dict(found["optimizer"])
    steps(first, net, optimizer, batches[3:])
    steps(second, other, other_optimizer, batches[3:])
    for key, expected in net.state_dict().items():
        np.testing.assert_allclose(other.state_dict()[key].numpy(), expected.numpy(), rtol=0, atol=1e-12, err_msg=key)


def test_integers_of_every_size_and_every_other_element(tmp_path):
    numbers = [sign * 2**power + by for power in (0, 15, 31, 32, 63, 200) for sign in (1, -1) for by in (-1, 0, 1)]
    mg.save([numbers, mg.arange(6.0)[::2], np.arange(6)[::-2]], tmp_path / "w.pt")
    found, evens, odds = mg.load(tmp_path / "w.pt")
    assert found == numbers and evens.tolist() == [0.0, 2.0, 4.0] and odds.tolist() == [5, 3, 1]


def test_save_pt_by_itself(tmp_path):
    tree = json.dumps({"list": [{"ndarray": "w"}, 1]})
    save_pt(tmp_path / "w.pt", {"w": np.ones(2)}, tree)
    found = load_pt(tmp_path / "w.pt")
    assert type(found[0]) is np.ndarray and found[1] == 1
