"""State dicts to PyTorch and back."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import interop, nn
from tests.test_documents import run


def test_torch_is_not_imported_until_asked():
    code = "import sys, minigrad; minigrad.interop.from_torch({'a': [1]}); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_values_that_are_no_tensors_stay():
    value = {"a": [1, (2.0, None)], 3: "x"}
    assert interop.from_torch(value) == interop.to_torch(value) == value


def test_tensors_travel_and_share_no_memory():
    torch = pytest.importorskip("torch")
    for dtype in ("float16", "float32", "float64", "int64", "uint8", "bool"):
        theirs = torch.arange(6).reshape(2, 3).to(getattr(torch, dtype)).T
        ours = interop.from_torch({"x": [theirs]})["x"][0]
        assert isinstance(ours, mg.Tensor) and str(ours.dtype) == dtype and ours.tolist() == theirs.tolist()
        back = interop.to_torch((ours,))[0]
        assert back.dtype == theirs.dtype and torch.equal(back, theirs)
        theirs.zero_()
        assert ours.numpy().any()
        back.zero_()
        assert ours.numpy().any()
    half = torch.tensor([1.5, -2.0], dtype=torch.bfloat16)
    assert interop.from_torch(half).dtype == np.float32 and interop.from_torch(half).tolist() == [1.5, -2.0]
    parameter = torch.nn.Parameter(torch.ones(2))
    assert not interop.from_torch(parameter).requires_grad
    assert interop.to_torch(nn.Parameter([1.0])).tolist() == [1.0]
    assert interop.to_torch(np.ones(2)[::-1]).tolist() == [1.0, 1.0]


def test_a_networks_state_travels_both_ways():
    torch = pytest.importorskip("torch")
    ours = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(18, 2))
    theirs = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten(), torch.nn.Linear(18, 2))
    x = np.random.default_rng(0).standard_normal((2, 1, 5, 5)).astype(np.float32)
    ours.load_state_dict(interop.from_torch(theirs.state_dict()))
    np.testing.assert_allclose(ours(mg.tensor(x)).detach().numpy(), theirs(torch.tensor(x)).detach().numpy(), atol=1e-6)
    nn.init.normal_(ours[0].weight)
    theirs.load_state_dict(interop.to_torch(ours.state_dict()))
    np.testing.assert_allclose(ours(mg.tensor(x)).detach().numpy(), theirs(torch.tensor(x)).detach().numpy(), atol=1e-5)


def test_a_file_of_either_is_read_by_the_other(tmp_path):
    """A ResNet's state through safetensors, with running statistics and what counts them, and the same scores after."""
    torch = pytest.importorskip("torch")
    files = pytest.importorskip("safetensors.torch")
    from minigrad.models.resnet import BasicBlock

    def block():
        layers = {"conv1": torch.nn.Conv2d(2, 3, 3, 2, 1, bias=False), "bn1": torch.nn.BatchNorm2d(3),
                  "conv2": torch.nn.Conv2d(3, 3, 3, 1, 1, bias=False), "bn2": torch.nn.BatchNorm2d(3),
                  "downsample": torch.nn.Sequential(torch.nn.Conv2d(2, 3, 1, 2, bias=False),
                                                    torch.nn.BatchNorm2d(3))}  # fmt: skip
        made = torch.nn.Module()
        for name, layer in layers.items():
            made.add_module(name, layer)
        return made

    ours, theirs, x = BasicBlock(2, 3, 2), block(), np.random.default_rng(0).random((4, 2, 6, 6), np.float32)
    for _ in range(3):
        ours(mg.tensor(x))
    mg.save(ours.state_dict(), tmp_path / "ours.safetensors")
    theirs.load_state_dict(files.load_file(tmp_path / "ours.safetensors"))
    assert theirs.bn1.num_batches_tracked == 3 and theirs.bn1.running_var.dtype == torch.float32
    theirs.eval()
    h = torch.tensor(x)
    expected = torch.relu(theirs.bn2(theirs.conv2(torch.relu(theirs.bn1(theirs.conv1(h))))) + theirs.downsample(h))
    np.testing.assert_allclose(ours.eval()(mg.tensor(x)).detach().numpy(), expected.detach().numpy(), atol=1e-6)
    files.save_file(block().state_dict(), tmp_path / "theirs.safetensors")
    again = BasicBlock(2, 3, 2)
    again.load_state_dict(mg.load(tmp_path / "theirs.safetensors"))
    assert {str(v.dtype) for v in again.state_dict().values()} == {"float32", "int64"}


def test_dlpack():
    torch = pytest.importorskip("torch")
    theirs = torch.arange(3.0)
    ours = interop.from_dlpack(theirs)
    theirs.zero_()
    assert ours.tolist() == [0, 1, 2] and ours.dtype == np.float32


def test_the_page_about_it_runs_in_order(tmp_path, monkeypatch):
    """Its blocks with PyTorch are not marked `python` alone, so that tests/test_documents.py passes without PyTorch."""
    torch = pytest.importorskip("torch")
    page = Path(__file__).parents[2] / "docs" / "howto" / "pytorch_weights.md"
    blocks = re.findall(r"^```{code-block} python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 5
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    names = {}
    for code in blocks:
        run(code, names)
