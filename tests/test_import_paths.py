"""PyTorch's import lines, with the word `torch` replaced; the names behind them, and what they do on one CPU."""

import importlib
import subprocess
import sys
import types

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.compat.paths import PATHS

LINES = """
import minigrad.nn as nn
import minigrad.nn.functional as F
import minigrad.optim as optim
import minigrad.optim.lr_scheduler as lr_scheduler
import minigrad.backends.cudnn as cudnn
import minigrad.nn.parallel
import minigrad.utils.data as data
import minigrad.utils.data.distributed
import minigrad.distributed as dist
import minigrad.multiprocessing as mp
import minigrad.cuda.amp as amp
import minigrad.nn.modules.conv as conv
from minigrad import nn, optim, Tensor
from minigrad.nn import init, Parameter, Module
from minigrad.nn.attention import SDPBackend, sdpa_kernel
from minigrad.jit.annotations import BroadcastingList2
from minigrad.nn.parameter import Parameter
from minigrad.nn.modules import Module, Conv2d
from minigrad.nn.modules.utils import _pair, _single, _triple, _ntuple, _reverse_repeat_tuple
from minigrad.nn.modules.batchnorm import _BatchNorm, _NormBase
from minigrad.nn.modules.instancenorm import _InstanceNorm
from minigrad.nn.modules.conv import _ConvNd, _ConvTransposeNd
from minigrad.nn.modules.loss import _Loss, _WeightedLoss, CrossEntropyLoss
from minigrad.nn.modules.activation import MultiheadAttention, ReLU
from minigrad.nn.modules.linear import Linear, Identity
from minigrad.nn.modules.container import Sequential
from minigrad.nn.modules.module import Module
from minigrad.nn.modules.rnn import LSTM
from minigrad.nn.modules.transformer import TransformerEncoderLayer
from minigrad.nn.modules.pooling import MaxPool2d
from minigrad.nn.modules.sparse import Embedding
from minigrad.nn.modules.upsampling import Upsample
from minigrad.nn.modules.padding import ZeroPad2d
from minigrad.nn.modules.dropout import Dropout
from minigrad.nn.modules.normalization import LayerNorm
from minigrad.nn.modules.flatten import Flatten
from minigrad.nn.common_types import _size_2_t
from minigrad.nn.parallel import DataParallel, DistributedDataParallel as DDP
from minigrad.nn.utils.rnn import pad_sequence
from minigrad.nn.utils.clip_grad import clip_grad_norm_
from minigrad.nn.utils import clip_grad_norm_
from minigrad.optim import Adam
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.lr_scheduler import StepLR
from minigrad.autograd import Function, grad
from minigrad.utils.data import Dataset, DataLoader
from minigrad.utils.data.dataloader import DataLoader, default_collate
from minigrad.utils.data.dataset import Dataset, random_split
from minigrad.utils.data.sampler import Sampler, SubsetRandomSampler
from minigrad.utils.data.distributed import DistributedSampler
from minigrad.utils.checkpoint import checkpoint
from minigrad.utils.hooks import RemovableHandle
from minigrad.cuda.amp import autocast, GradScaler
from minigrad.cuda.amp.grad_scaler import GradScaler
from minigrad.amp import autocast, GradScaler
from minigrad.amp.autocast_mode import autocast
from minigrad.hub import load_state_dict_from_url
from minigrad.utils.model_zoo import load_url
from minigrad.jit import script, ignore, Final
from minigrad.jit import _overload_method
from minigrad.fx import wrap
from minigrad.backends import cudnn
from minigrad.version import cuda
from minigrad.nn.modules.conv import *
"""


@pytest.mark.parametrize("line", LINES.strip().splitlines())
def test_a_line(line):
    exec(line, {})


def test_every_line_in_a_process_of_its_own():
    """Paths are found before anything else was imported, and as attributes without an import."""
    code = LINES + (
        "\nimport minigrad as torch\n"
        "assert issubclass(torch.nn.Linear, torch.nn.modules.linear.Linear)\n"
        "assert torch.nn.modules.batchnorm._BatchNorm in torch.nn.BatchNorm2d.__mro__\n"
        "print(torch.nn.utils.rnn.__name__, torch.utils.data.sampler.Sampler is torch.data.Sampler)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "minigrad.nn.utils.rnn True\n"
    code = "import minigrad as t; t.backends.cudnn.benchmark = True; t.backends.cuda.matmul.allow_tf32 = True; t.cuda.amp\n"
    code += "import minigrad.backends.cudnn as c; print(c.benchmark, t.nn.modules.conv.Conv2d is t.nn.Conv2d)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "True True\n"


@pytest.mark.parametrize("path", sorted(set(PATHS) - {"utils.tensorboard"}))
def test_a_path_of_the_table(path):
    module = importlib.import_module(f"minigrad.{path}")
    for name in module.__all__:
        assert getattr(module, name) is getattr(module, name)
    with pytest.raises(AttributeError):
        module.__nothing__  # noqa: B018


def test_names_of_pytorch_behind_its_paths():
    """Every public class that PyTorch has under nn.modules.* and that we have in nn is found there."""
    torch = pytest.importorskip("torch")
    missing = []
    for path in [path for path in PATHS if path.startswith("nn.modules.")]:
        theirs = importlib.import_module(f"torch.{path}")
        ours = importlib.import_module(f"minigrad.{path}")
        names = [n for n in getattr(theirs, "__all__", ()) if hasattr(nn, n) and hasattr(torch.nn, n)]
        missing += [f"{path}.{name}" for name in names if not hasattr(ours, name)]
    assert not missing


def test_a_path_that_is_nowhere():
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("minigrad.nn.modules.convolution_of_something")
    with pytest.raises(ImportError):
        from minigrad.nn.modules.conv import Linearr  # noqa: F401
    with pytest.raises(AttributeError, match="no attribute 'modles'"):
        nn.modles  # noqa: B018


def test_devices():
    assert not mg.cuda.is_available() and mg.cuda.device_count() == 0 and not mg.backends.mps.is_available()
    assert not mg.xpu.is_available()
    mg.cuda.manual_seed(0), mg.cuda.manual_seed_all(0), mg.cuda.empty_cache(), mg.cuda.synchronize()
    for refused in (mg.cuda.current_device, mg.cuda.get_device_name, lambda: mg.cuda.set_device(0), mg.cuda.FloatTensor):
        with pytest.raises(RuntimeError, match="computes on the CPU"):
            refused()
    with pytest.raises(AttributeError, match="has no 'Stream'"):
        mg.cuda.Stream  # noqa: B018
    assert not isinstance(mg.ones(1), mg.cuda.FloatTensor)
    with mg.backends.cudnn.flags(enabled=False):
        assert mg.version.cuda is None


def test_mixed_precision_is_disabled_and_says_so():
    for make in (lambda: mg.autocast("cpu"), mg.cuda.amp.autocast, mg.amp.GradScaler, mg.cuda.amp.GradScaler):
        with pytest.warns(UserWarning, match="dtypes of the tensors"):
            make()
    net = nn.Linear(2, 1)
    scaler, optimizer = mg.amp.GradScaler("cuda", enabled=False), mg.optim.SGD(net.parameters(), lr=0.5)
    with mg.autocast("cuda", dtype=mg.float16, enabled=False), mg.cuda.amp.autocast(False):
        loss = net(mg.ones(3, 2)).sum()
    before = net.weight.tolist()
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    assert np.allclose(net.weight.tolist(), np.array(before) - 1.5) and scaler.get_scale() == 1.0
    assert scaler.state_dict() == {} and scaler.load_state_dict({}) is None and not scaler.is_enabled()

    @mg.cuda.amp.custom_fwd(cast_inputs=mg.float32)
    def double(x):
        return 2 * x

    assert double(2) == 4


def test_scripts_are_python():
    @mg.jit.script
    def one(x):
        return x + 1

    @mg.jit.ignore(drop=True)
    @mg.jit.unused
    def two(x):
        return one(x) if mg.jit.is_scripting() else x + 2

    net = nn.ReLU()
    assert one(1) == 2 and two(1) == 3 and mg.jit.trace(net, mg.ones(1)) is net and mg.compile(net) is net
    assert mg.compile(mode="max-autotune")(one) is one and mg.jit.annotate(int, 3) == 3 and mg.fx.wrap("len") == "len"


def test_one_process():
    assert not mg.distributed.is_initialized()
    with pytest.raises(ValueError, match="the backend must be \"mpi\", got 'gloo'"):
        mg.distributed.init_process_group("gloo")
    with pytest.raises(RuntimeError, match=r"interop\.from_torch"):
        mg.hub.load("pytorch/vision", "resnet18")
    net = nn.DataParallel(nn.Linear(3, 2), device_ids=[0])
    with pytest.raises(ValueError, match="DistributedDataParallel: this process has not joined the others"):
        nn.parallel.DistributedDataParallel(net.module, device_ids=[0], find_unused_parameters=True)
    x = mg.ones(2, 3)
    assert np.array_equal(net(x).detach(), net.module(x).detach())
    assert list(net.state_dict()) == ["module.weight", "module.bias"]


def test_settings():
    mg.set_float32_matmul_precision("high")
    mg.use_deterministic_algorithms(True, warn_only=True)
    assert mg.get_float32_matmul_precision() == "highest" and mg.are_deterministic_algorithms_enabled()
    with pytest.raises(ValueError, match="must be"):
        mg.set_float32_matmul_precision("low")


def test_tensorboard_needs_its_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match="pip install tensorboardX"):
        from minigrad.utils.tensorboard import SummaryWriter
    monkeypatch.setitem(sys.modules, "tensorboardX", types.SimpleNamespace(SummaryWriter=list))
    from minigrad.utils.tensorboard import SummaryWriter

    assert SummaryWriter is list


def test_sizes():
    from minigrad.nn.modules.utils import _pair, _reverse_repeat_tuple

    assert _pair(3) == (3, 3) and _pair([1, 2]) == (1, 2) and _reverse_repeat_tuple((1, 2), 2) == (2, 2, 1, 1)


@pytest.mark.parametrize("name", ["minigrad", "torch"])
@pytest.mark.filterwarnings("ignore:size_average and reduce args will be deprecated")
def test_layers_of_others_extend_private_bases(name):
    """Losses and normalizations as programs for PyTorch write them."""
    lib = pytest.importorskip(name)
    loss = importlib.import_module(f"{name}.nn.modules.loss")
    F = lib.nn.functional

    class Plain(loss._Loss):
        def forward(self, x, y):
            return F.mse_loss(x, y, reduction=self.reduction)

    class Weighted(loss._WeightedLoss):
        def __init__(self, weight, reduction="mean"):
            super().__init__(weight, None, None, reduction)

        def forward(self, x, y):
            return F.cross_entropy(x, y, weight=self.weight, reduction=self.reduction)

    x, y = lib.tensor([1.0, 3.0]), lib.tensor([0.0, 0.0])
    assert Plain()(x, y).item() == 5 and Plain(reduction="sum")(x, y).item() == 10
    assert Plain(None, None, "none")(x, y).tolist() == [1, 9] and isinstance(lib.nn.MSELoss(), loss._Loss)
    for words, found in [((False,), "sum"), ((True,), "mean"), ((None, False), "none"), ((False, False), "none")]:
        assert Plain(*words).reduction == found
    weighted = Weighted(lib.tensor([1.0, 2.0]), "sum")
    assert list(weighted.state_dict()) == ["weight"] and weighted(x[None], lib.tensor([1])).item() == pytest.approx(0.253856)
    batchnorm = importlib.import_module(f"{name}.nn.modules.batchnorm")

    class Norm(batchnorm._BatchNorm):
        def _check_input_dim(self, x):
            pass

    assert isinstance(Norm(3), batchnorm._NormBase) and set(Norm(3).state_dict()) == set(lib.nn.BatchNorm2d(3).state_dict())
    assert Norm(3)(lib.ones(2, 3, 4)).abs().max().item() == 0


def test_trees_under_the_path_of_pytorch():
    from minigrad.utils import _pytree

    tree = {"a": [1, 2], "b": (3, {"c": 4})}
    found, spec = _pytree.tree_flatten(tree)
    assert found == _pytree.tree_leaves(tree) == [1, 2, 3, 4]
    assert _pytree.tree_unflatten([x * 10 for x in found], spec) == _pytree.tree_map(lambda x: x * 10, tree)


def test_autocast_and_the_functions_of_processes():
    assert mg.is_autocast_enabled() is mg.amp.is_autocast_enabled("cpu") is False
    with pytest.raises(ValueError, match="all_reduce: this process has not joined the others"):
        mg.distributed.all_reduce(mg.ones(2))


@pytest.mark.parametrize("name", ["minigrad", "torch"])
def test_assertions_and_decorators_of_scripted_programs(name):
    """As torchvision's models call them."""
    lib = pytest.importorskip(name)
    lib._assert(True, "fine")
    with pytest.raises(AssertionError, match="not divisible by 3"):
        lib._assert(4 % 3 == 0, "not divisible by 3")
    assert lib.jit.script_if_tracing(abs)(-2) == 2 and "_assert" not in dir(mg)
