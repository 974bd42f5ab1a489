"""`save` and `load`: state dicts, checkpoints, and what other programs write."""

import io
import json
import os
import re
import sys

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import WeightsFileError
from minigrad.serialization import load_npz, load_safetensors, save_npz, save_safetensors
from minigrad.serialization.formats import FORMATS

# Every format that is written takes these tests, a new one without a change here; another suffix of a format takes none.
WRITTEN = {each: suffix for suffix, each in reversed(FORMATS.items()) if each.save is not None}
each_format = pytest.mark.parametrize("name", [f"w{suffix}" for suffix in WRITTEN.values()])


@pytest.fixture(autouse=True)
def library(request):
    if "safetensors" in request.node.name:
        pytest.importorskip("safetensors")


def same(a, b):
    if isinstance(a, mg.Tensor | np.ndarray):
        x, y = (t.numpy() if isinstance(t, mg.Tensor) else t for t in (a, b))
        return x.dtype == y.dtype and np.array_equal(x, y)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or a != a)


@each_format
def test_a_networks_state_comes_back(tmp_path, name):
    net, other = (nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(4, 2)) for _ in range(2))
    mg.save(net.state_dict(), tmp_path / name)
    other.load_state_dict(mg.load(tmp_path / name))
    assert same(dict(net.state_dict()), dict(other.state_dict())) and os.listdir(tmp_path) == [name]


@each_format
def test_every_dtype_layout_and_size(tmp_path, name):
    rng = np.random.default_rng(0)
    base = rng.integers(0, 100, (4, 6, 8))
    arrays = {
        f"{kind}": base.astype(kind) for kind in ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?")
    }
    arrays |= {
        "file": np.zeros(1), "transposed": base.T, "fortran": np.asfortranarray(base), "reversed": base[::-1, :, ::-2],
        "slice": base[1:3, ::2], "broadcast": np.broadcast_to(base[0, 0], (3, 8)), "nothing": np.zeros((0, 3)),
        "number": np.array(2.5), "big": np.arange(5, dtype=">f8"), "a.long.name": np.ones(1, np.float32),
    }  # fmt: skip
    mg.save(arrays, tmp_path / name)
    found = mg.load(tmp_path / name)
    assert set(found) == set(arrays)
    for key, array in arrays.items():
        assert found[key].dtype == array.dtype.newbyteorder("=") and found[key].shape == array.shape, key
        np.testing.assert_array_equal(found[key].numpy(), array, err_msg=key)


@each_format
def test_a_checkpoint_needs_no_pickle(tmp_path, name):
    net = nn.Linear(3, 2)
    optimizer = optim.Adam([{"params": [net.weight]}, {"params": [net.bias], "lr": 0.5}], amsgrad=True)
    scheduler = optim.lr_scheduler.MultiStepLR(optimizer, [1, 3])
    for _ in range(2):
        optimizer.zero_grad()
        net(mg.ones(1, 3)).sum().backward()
        optimizer.step()
        scheduler.step()
    checkpoint = {
        "model": dict(net.state_dict()), "optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict(),
        "epoch": 3, "loss": 0.1, "rates": (0.1, [1e300, -1e-300]), "name": "é\n", "best": None, "done": False,
        "infinite": float("inf"), "nan": float("nan"), "number": np.float32(2.0), "empty": [{}, [], ()],
    }  # fmt: skip
    mg.save(checkpoint, tmp_path / name)
    found = mg.load(tmp_path / name)
    expected = {**checkpoint, "number": np.array(2.0, np.float32)}
    expected["scheduler"]["milestones"] = dict(expected["scheduler"]["milestones"])
    assert same(found, expected)
    optimizer.load_state_dict(found["optimizer"])
    scheduler.load_state_dict(found["scheduler"])
    scheduler.step()
    assert optimizer.param_groups[1]["lr"] == pytest.approx(0.5 * 0.1 * 0.1)


@each_format
def test_arrays_come_back_as_arrays_and_tensors_as_tensors(tmp_path, name):
    mg.save([np.ones(2), mg.zeros(3), {"loss": np.float32(2), "epoch": 1}], tmp_path / name)
    array, tensor, rest = mg.load(tmp_path / name)
    assert type(array) is np.ndarray and type(rest["loss"]) is np.ndarray and type(tensor) is mg.Tensor
    assert array.tolist() == [1, 1] and rest["loss"] == 2 and tensor.shape == (3,)
    mg.save(np.arange(3.0), tmp_path / name)
    assert type(mg.load(tmp_path / name)) is np.ndarray
    mg.save({"w": np.ones(2)}, tmp_path / name)  # the file of a state dict, as other programs write it
    assert type(mg.load(tmp_path / name)["w"]) is mg.Tensor


@each_format
def test_the_same_state_gives_the_same_bytes(tmp_path, name):
    arrays = {"b": np.ones(3), "a": np.zeros((2, 2))}
    mg.save(arrays, tmp_path / name)
    first = (tmp_path / name).read_bytes()
    mg.save(arrays, tmp_path / name)
    assert (tmp_path / name).read_bytes() == first


@each_format
def test_no_truncated_file_is_read(tmp_path, name):
    mg.save({"a": np.ones(3), "b": [np.zeros((2, 2)), 1]}, tmp_path / name)
    data = (tmp_path / name).read_bytes()
    for length in range(len(data)):
        (tmp_path / name).write_bytes(data[:length])
        with pytest.raises(WeightsFileError, match=name):
            mg.load(tmp_path / name)


def test_a_message_names_a_file_once_and_an_open_one_not_by_its_object(tmp_path):
    mg.save([1], tmp_path / "w.pt")
    data = (tmp_path / "w.pt").read_bytes()
    for name in ("w.pt", "w.npz", "w", "w.pkl"):
        (tmp_path / name).write_bytes(data[:-1])
        with pytest.raises(WeightsFileError) as caught:
            mg.load(tmp_path / name)
        assert str(caught.value).count(str(tmp_path / name)) == 1
    with pytest.raises(WeightsFileError) as caught:
        mg.load(io.BytesIO(data[:-1]))
    assert str(caught.value).startswith("the open file: ") and "BytesIO" not in str(caught.value)


def test_the_messages_list_every_format():
    written = [suffix for suffix, each in FORMATS.items() if each.save is not None]
    for call, known in ((lambda: mg.save({}, "w.unknown"), written), (lambda: mg.load("w.unknown"), FORMATS)):
        with pytest.raises(ValueError, match=re.escape(", ".join(filter(None, known)) + ", or have no suffix")):
            call()


def test_other_programs_read_what_we_write_and_we_read_theirs(tmp_path):
    arrays = {"w": np.arange(6.0).reshape(2, 3).T, "b": np.zeros(2, np.float32)}
    mg.save(arrays, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as found:
        assert same({k: found[k] for k in found}, arrays)
    np.savez(tmp_path / "b.npz", **arrays)
    np.savez_compressed(tmp_path / "c.npz", **arrays)
    assert same(mg.load(tmp_path / "b.npz"), arrays) and same(mg.load(tmp_path / "c.npz"), arrays)
    safetensors = pytest.importorskip("safetensors.numpy")
    mg.save(arrays, tmp_path / "a.safetensors")
    assert same(dict(sorted(safetensors.load_file(tmp_path / "a.safetensors").items())),
                {k: np.ascontiguousarray(v) for k, v in sorted(arrays.items())})  # fmt: skip
    safetensors.save_file({"b": arrays["b"]}, tmp_path / "b.safetensors")
    assert same(mg.load(tmp_path / "b.safetensors"), {"b": arrays["b"]})


def test_bfloat16_becomes_float32(tmp_path):
    pytest.importorskip("safetensors")
    numbers = np.array([1.5, -2.0, 0.0], np.float32)
    data = (numbers.view(np.uint32) >> 16).astype("<u2").tobytes()
    header = json.dumps({"w": {"dtype": "BF16", "shape": [3], "data_offsets": [0, 6]}}).encode()
    (tmp_path / "w.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + data)
    assert same(mg.load(tmp_path / "w.safetensors"), {"w": numbers})


@pytest.mark.parametrize(
    "value, error, says",
    [
        ({"a": object()}, TypeError, "a is of type object; only tensors"),
        ({"a": {"b": [np.array(["x"])]}}, TypeError, "a.b.0 has dtype <U1, expected numbers"),
        ({"a": np.array([None])}, TypeError, "dtype object"),
        ({"a": 1j}, TypeError, "complex"),
        ({(1, 2): 3}, TypeError, r"a key must be a str or an int, got \(1, 2\)"),
        ({"a.b": np.ones(1), "a": {"b": np.ones(1)}}, ValueError, "two arrays would be named 'a.b'"),
        ({"a/../../b": np.ones(1)}, ValueError, "'a/../../b' cannot be the name"),
        ({"/a": np.ones(1)}, ValueError, "'/a' cannot be the name"),
        ({"a\\b": np.ones(1)}, ValueError, "cannot be the name"),
        ({"__tree__": np.ones(1)}, ValueError, "'__tree__' cannot be the name"),
    ],
)
def test_what_save_refuses_leaves_the_old_file(tmp_path, value, error, says):
    path = tmp_path / "w.npz"
    mg.save({"old": mg.ones(1)}, path)
    with pytest.raises(error, match=says):
        mg.save(value, path)
    assert list(mg.load(path)) == ["old"] and os.listdir(tmp_path) == ["w.npz"]


def test_the_suffix_decides():
    for call in (lambda: mg.save({}, "w.px"), lambda: mg.load("w.px")):
        with pytest.raises(ValueError, match=r"must end in \.npz, \.safetensors.*, got 'w.p"):
            call()
    with pytest.raises(FileNotFoundError):
        mg.load("nothing.npz")


def test_a_missing_library_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    for call in (lambda: mg.save({}, tmp_path / "w.safetensors"), lambda: mg.load(tmp_path / "w.safetensors")):
        with pytest.raises(ImportError, match="pip install safetensors"):
            call()
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(
    "tree",
    ['{"array": "w"', "[]", '{"array": "lost"}', '{"dict": 3}', '{"set": []}', '{"dict": [[1]]}', "{}", '{"a": 1, "b": 2}',
     '{"list": ' * 5000 + "1" + "}" * 5000],
)  # fmt: skip
def test_a_damaged_structure_is_refused(tmp_path, tree):
    save_npz(tmp_path / "w.npz", {"w": np.ones(1), "__tree__": np.frombuffer(tree.encode(), np.uint8)})
    with pytest.raises(WeightsFileError, match=r"w\.npz: the structure around the arrays is damaged"):
        mg.load(tmp_path / "w.npz")


@pytest.mark.parametrize("kind", ["list", "tuple", "set", "dict"])
def test_kinds_of_structures(tmp_path, kind):
    tree = json.dumps({kind: [{"array": "0"}]})
    save_npz(tmp_path / "w.npz", {"0": np.ones(1), "__tree__": np.frombuffer(tree.encode(), np.uint8)})
    if kind in ("list", "tuple"):
        assert type(mg.load(tmp_path / "w.npz")).__name__ == kind
    else:
        with pytest.raises(WeightsFileError, match=r"w\.npz: the structure around the arrays is damaged"):
            mg.load(tmp_path / "w.npz")


def test_the_functions_beneath(tmp_path):
    save_npz(tmp_path / "w.npz", {"w": np.ones(2)})
    assert load_npz(tmp_path / "w.npz")["w"].tolist() == [1, 1]
    pytest.importorskip("safetensors")
    save_safetensors(tmp_path / "w.safetensors", {"w": np.ones(2)}, {"about": "x"})
    arrays, metadata = load_safetensors(tmp_path / "w.safetensors")
    assert arrays["w"].tolist() == [1, 1] and metadata["about"] == "x"
    with pytest.raises(TypeError, match="name has dtype <U1, expected numbers"):
        save_safetensors(tmp_path / "w.safetensors", {"name": np.array("a")})
    assert load_safetensors(tmp_path / "w.safetensors")[0]["w"].tolist() == [1, 1]


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_names_with_slashes_and_colons(tmp_path, save):
    """As flax, haiku and TensorFlow write them."""
    names = ["params/dense/kernel", "conv1/kernel:0", "mlp/~/linear_0/w", "a..b/c.npy", "x:y"]
    save(tmp_path / "a.npz", **{name: np.full(2, i, np.float32) for i, name in enumerate(names)})
    found = mg.load(tmp_path / "a.npz")
    assert list(found) == names and found["mlp/~/linear_0/w"].tolist() == [2, 2]
    mg.save(found, tmp_path / "b.npz")
    assert list(mg.load(tmp_path / "b.npz")) == names and sorted(os.listdir(tmp_path)) == ["a.npz", "b.npz"]


@pytest.mark.parametrize("name", ["../a", "a/../../b", "/a", "a\\b", "..", "a/.."])
def test_names_that_lead_out_of_a_folder(tmp_path, name):
    import zipfile

    data = io.BytesIO()
    np.save(data, np.zeros(1))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr(zipfile.ZipInfo("good.npy"), data.getvalue())
        archive.writestr(zipfile.ZipInfo(f"{name}.npy" if not name.endswith("..") else f"{name}/x.npy"), data.getvalue())
    with pytest.raises(WeightsFileError, match="is not the name of an array"):
        mg.load(tmp_path / "a.npz")
    assert os.listdir(tmp_path) == ["a.npz"] and not (tmp_path.parent / "a.npy").exists()


def test_what_save_and_load_say_of_their_arguments(tmp_path):
    state = {"w": mg.ones(1)}
    for call, error, says in [
        (
            lambda: mg.save(state, "x.tp"),
            ValueError,
            r".npz, .safetensors.*, got 'x.tp'\n  hint: save\(..., 'x.npz'\)",
        ),
        (lambda: mg.save("x.npz", state), TypeError, r"got dict\n  hint: save\(obj, path\)"),
        (lambda: mg.load(3), TypeError, "the path must be a str or a Path, got int$"),
        (lambda: mg.load("x.tp"), ValueError, r"must end in .*\.pt, .*, or have no suffix, got 'x.tp'$"),
        (lambda: mg.save(nn.Linear(1, 1), tmp_path / "x.npz"), TypeError, r"type Linear.*\n  hint: save its state_dict\(\)"),
        (lambda: mg.save(state, tmp_path / "no" / "x.npz"), FileNotFoundError, r"x.npz: there is no folder '.*no'"),
    ]:
        with pytest.raises(error, match=says):
            call()
    (tmp_path / "d.npz").mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder"):
        mg.save(state, tmp_path / "d.npz")
    assert os.listdir(tmp_path) == ["d.npz"]


@pytest.mark.parametrize(
    "name", [None, "w.pt", "w.pth", "checkpoint.pth.tar", "ckpt.bin", "w.pkl", "best.model", "checkpoint"]
)
def test_a_checkpoint_as_programs_for_pytorch_write_it(tmp_path, name):
    """By paths with PyTorch's suffixes, and through open files."""
    net = nn.Linear(3, 2)
    optimizer = optim.Adam(net.parameters())
    net(mg.ones(1, 3)).sum().backward()
    optimizer.step()
    checkpoint = {"epoch": 3, "model": net.state_dict(), "optimizer": optimizer.state_dict(), "best": (0.5, [mg.ones(2)])}
    if name:
        mg.save(checkpoint, tmp_path / name)
        found = [mg.load(tmp_path / name, map_location=mg.device("cpu")), mg.load(str(tmp_path / name), weights_only=False)]
    else:
        file = io.BytesIO()
        mg.save(checkpoint, file)
        file.seek(0)
        with open(tmp_path / "w", "wb") as other:
            other.write(b"before")
            mg.save(checkpoint, other)
        with open(tmp_path / "w", "rb") as other:
            other.seek(6)
            found = [mg.load(other), mg.load(file, map_location=lambda storage, place: storage)]
    for each in found:
        assert same(each, {**checkpoint, "model": dict(checkpoint["model"])})
        net.load_state_dict(each["model"])
        optimizer.load_state_dict(each["optimizer"])


def test_a_tensor_by_itself(tmp_path):
    for value in (mg.ones(2), mg.tensor(3), {"tensor": mg.ones(1), "a": 1}):
        mg.save(value, tmp_path / "w.pt")
        assert same(mg.load(tmp_path / "w.pt"), value)


def test_devices_that_are_not_there(tmp_path):
    mg.save({}, tmp_path / "w.npz")
    with pytest.raises(ValueError, match="there is no 'cuda'"):
        mg.load(tmp_path / "w.npz", map_location="cuda")
    with pytest.raises(WeightsFileError, match="the open file"):
        mg.load(io.BytesIO(b"PK"))
    file = io.BytesIO()
    with pytest.raises(TypeError, match="only tensors"):
        mg.save({"a": object()}, file)
    assert not file.getvalue()


def test_a_structure_larger_than_its_file_is_refused(tmp_path):
    """`save` does not compress it, so a compressed one is meant to fill the memory."""
    text = np.frombuffer(b'{"dict": []}' + b" " * 10**5, np.uint8)
    np.savez_compressed(tmp_path / "w.npz", __tree__=text)
    for file in (tmp_path / "w.npz", io.BytesIO((tmp_path / "w.npz").read_bytes())):
        with pytest.raises(WeightsFileError, match="larger than the file"):
            mg.load(file)
    np.savez(tmp_path / "w.npz", __tree__=text)
    assert mg.load(tmp_path / "w.npz") == {}
