"""Names, parameters and defaults are PyTorch's, or stand in tests/parity/missing.txt or tests/parity/differences.txt."""

import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F
from tests.parity import names, torch_names

EXISTING = [name for name in names.PYTORCH if names.exists(name)]
DIFFERENCES = {key: here for name in EXISTING for key, here in names.differences(name)}


def test_the_file_is_of_pytorch():
    torch = pytest.importorskip("torch", "2.13")
    if not torch.__version__.startswith("2.13."):
        pytest.skip("the file is of PyTorch 2.13")
    # In a process of its own: what other tests import adds modules to torch's names.
    code = "import sys; from tests.parity import torch_names as t; sys.stdout.buffer.write(t.written(t.live()).encode())"
    live = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[1], capture_output=True, check=True
    ).stdout
    assert live.decode() == torch_names.FILE.read_text("utf-8")


def test_every_name_is_here_or_listed():
    """Where it fails: run ``python -m tests.parity.names``, and find a reason better than "not yet"."""
    patterns = [p for patterns in names.listed_names().values() for p in patterns]
    known = {name for p in patterns for name in names.matching(p, names.PYTORCH)}
    assert set(names.absent()) - known == set()


def test_no_listed_name_is_here():
    """Where it fails: run ``python -m tests.parity.names``."""
    patterns = [p for patterns in names.listed_names().values() for p in patterns]
    absent = names.absent()
    assert [p for p in patterns if not names.matching(p, absent)] == []
    assert [name for p in patterns for name in names.matching(p, EXISTING)] == []
    assert len(set(patterns)) == len(patterns)


@pytest.mark.parametrize("room", torch_names.ROOMS)
def test_arguments_are_pytorchs(room):
    known = {key for p in names.listed_differences() for key in names.matching(p, DIFFERENCES)}
    left = {key: here for key, here in DIFFERENCES.items() if key not in known}
    assert {key: here for key, here in left.items() if room_of(key) == room} == {}


def room_of(key):
    return key.partition("(")[0].removesuffix(".forward").rpartition(".")[0]


def test_every_difference_has_a_room():
    assert {room_of(key) for key in DIFFERENCES} <= set(torch_names.ROOMS)


def test_no_listed_difference_is_gone():
    assert [p for p in names.listed_differences() if not names.matching(p, DIFFERENCES)] == []


def test_the_comparison_is_no_empty_one():
    assert len(names.PYTORCH) > 2400 and len(EXISTING) > 1200
    assert sum(len(names.signature(text)) for name in EXISTING for text in names.PYTORCH[name]) > 3500


def test_the_comparison_sees():
    def ours(x, axis=None, *, keepdims=False):
        pass

    def found(text, known):
        parameters = list(inspect.signature(ours).parameters.values())
        return set(names.compared(names.signature(text), parameters, known | {p.name: p.name for p in parameters}))

    known = {"input": "x", "dim": "axis", "keepdim": "keepdims"}
    assert found("input, dim=None, *, keepdim=False", known) == set()
    assert found("input, dim=None, *, keepdim=False", {"input": "x"}) == {
        ("dim", "name", "none"),
        ("keepdim", "name", "none"),
    }
    assert found("dim=None", known) == {("dim", "position", "x")}
    assert found("input, dim, keepdim", known) == {("keepdim", "position", "only by name")}
    assert found("input=1, dim=-1", known) == {("input", "default", "required"), ("dim", "default", "None")}


UNARY = [name for name in EXISTING if names.PYTORCH[name] and name.count(".") == 1 and name[6].islower() and any(
    [p.name for p in names.signature(text) if p.default is None] == ["input"] for text in names.PYTORCH[name])]  # fmt: skip


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # outside of the domain
@pytest.mark.parametrize("name", UNARY)
def test_operands_are_accepted_by_name(name):
    """What the comparison reads from `known` is what a call does."""
    function, x = names.found(name), mg.tensor([[0.25, 0.5], [0.75, 0.125]])
    for value in (x, x > 0.3, mg.tensor([0, 1]), mg.eye(2) / 2):
        mg.manual_seed(0)
        try:
            wanted = function(value)
        except (TypeError, ValueError) as error:
            with pytest.raises(type(error)):
                function(input=value)
            continue
        mg.manual_seed(0)
        for a, b in zip(
            *[out if isinstance(out, tuple) else (out,) for out in (wanted, function(input=value))], strict=True
        ):
            np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


LAYERS = [name for name in EXISTING if name.count(".") == 2 and any(" device=" in text for text in names.PYTORCH[name])
          and name.startswith("torch.nn.") and "Uninitialized" not in name and name[-4:] != "Base"]  # fmt: skip
NUMBERS = {"nhead": 1, "num_heads": 1, "num_groups": 1, "dim_feedforward": 2}


@pytest.mark.parametrize("name", LAYERS)
def test_device_and_dtype_of_layers(name):
    layer, theirs = names.found(name), names.signature(names.PYTORCH[name][0])
    required = {p.name: NUMBERS.get(p.name, 2) for p in theirs if p.default is None and p.name not in ("device", "dtype")}
    required |= {"d_model": 2, "nhead": 1, "dim_feedforward": 2} if "Transformer" in name else {}
    required |= {"affine": True} if "Instance" in name else {}
    for device in ("cpu", mg.device("cpu")):
        made = layer(**required, device=device, dtype=np.float64)
        assert {p.dtype for p in made.parameters()} == {np.dtype(np.float64)}
    mg.manual_seed(0)
    drawn = mg.randn(1)
    mg.manual_seed(0)
    with pytest.raises(ValueError, match="device: minigrad computes on the CPU, there is no 'cuda:1'"):
        layer(**required, device="cuda:1")
    before = inspect.signature(layer).parameters
    options = [required.get(p, before[p].default) for p in list(before)[: list(before).index("device")]]
    with pytest.raises(ValueError, match="there is no 'cuda:1'"):
        layer(*options, "cuda:1")
    assert {p.dtype for p in layer(*options, "cpu", np.float64).parameters()} == {np.dtype(np.float64)}
    mg.manual_seed(0)
    with pytest.raises(ValueError, match="there is no 'meta'"):
        layer(*options, "meta")
    assert mg.randn(1) == drawn  # the refusal came before the initial values


def test_a_layer_of_the_users_own_checks_its_device_where_ours_is_made():
    class Net(nn.Linear):
        def __init__(self, device):
            super().__init__(2, 3, device=device)

    assert Net("cpu").weight.shape == (3, 2)
    with pytest.raises(ValueError, match="there is no 'mps'"):
        Net("mps")


def test_inputs_of_layers_by_name():
    x, y = mg.ones(1, 2, 4, 4), mg.zeros(1, 2, 4, 4)
    for layer in (nn.Conv2d(2, 3, 1), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.MaxPool2d(2), nn.Sequential(nn.ReLU())):
        np.testing.assert_array_equal(layer(input=x).detach().numpy(), layer(x).detach().numpy())
    assert nn.MSELoss()(input=x, target=y) == 1 and nn.LSTM(2, 3)(input=mg.ones(1, 1, 2), hx=None)[0].shape == (1, 1, 3)
    assert nn.CosineEmbeddingLoss()(input1=x[0, 0], input2=x[0, 0], target=mg.ones(4)) == 0
    with pytest.raises(TypeError, match="input and x name the same option"):
        nn.ReLU()(input=x, x=x)
    with pytest.raises(TypeError, match=r"ReLU.forward\(\) got an unexpected keyword argument 'inputs'"):
        nn.ReLU()(inputs=x)

    class Net(nn.Module):
        def forward(self, x=None, **others):
            return x, others

    assert Net()(input=1) == (None, {"input": 1})  # a user's names are their own


X = mg.tensor([[1.0, 4.0], [3.0, 2.0]])
BY_POSITION = [  # where the kind of an argument decides what it is, as in PyTorch
    (lambda lib, x: lib.max(x, x.T), [[1, 4], [4, 2]]), (lambda lib, x: lib.min(x, x.T), [[1, 3], [3, 2]]),
    (lambda lib, x: lib.max(x, 1)[0], [4, 3]), (lambda lib, x: lib.arange(3), [0, 1, 2]),
    (lambda lib, x: lib.arange(1, 3), [1, 2]), (lambda lib, x: lib.randint(1, (2,)), [0, 0]),
    (lambda lib, x: lib.randint(1, 2, (2,)), [1, 1]), (lambda lib, x: lib.var(x, False), 1.25),
    (lambda lib, x: lib.var(x, 1, False), [2.25, 0.25]), (lambda lib, x: x.std(0, True), [2**0.5, 2**0.5]),
    (lambda lib, x: lib.std_mean(x, False)[0], 1.25**0.5), (lambda lib, x: x.var(False), 1.25),
    (lambda lib, x: lib.nn.functional.dropout(x, 1.0, False, True), [[1, 4], [3, 2]]),
    (lambda lib, x: lib.nn.functional.relu(-x, True), [[0, 0], [0, 0]]),
    (lambda lib, x: lib.nn.functional.gumbel_softmax(x, 1.0, False, 1e-10, 0).sum(0), [1, 1]),
]  # fmt: skip


@pytest.mark.parametrize("call, wanted", BY_POSITION)
def test_arguments_by_position(call, wanted):
    np.testing.assert_allclose(call(mg, X.clone()).numpy(), wanted, rtol=1e-6)


@pytest.mark.parametrize("call, wanted", BY_POSITION)
def test_arguments_by_position_beside_torch(call, wanted):
    torch = pytest.importorskip("torch")
    np.testing.assert_allclose(call(torch, torch.tensor(X.tolist())).numpy(), wanted, rtol=1e-6)


def test_dropout_in_place_by_position():
    x = mg.ones(100)
    assert F.dropout(x, 0.5, True, True) is x and 0 < x.sum() < 200
    drawn = [F.dropout(mg.ones(9), 0.5, True, False, np.random.default_rng(1)).tolist() for _ in range(2)]
    assert drawn[0] == drawn[1] and F.dropout(x, p=1.0, inplace=True) is x and x.sum() == 0


def test_state_dicts_under_a_prefix():
    net = nn.Sequential(nn.Linear(1, 1))
    held = {"epoch": 1}
    assert list(net.state_dict(prefix="net.")) == ["net.0.weight", "net.0.bias"]
    assert net.state_dict(held, "a.") is held and list(held) == ["epoch", "a.0.weight", "a.0.bias"]
    kept = net.state_dict(keep_vars=True)
    assert kept["0.weight"] is net[0].weight and not net.state_dict()["0.weight"].requires_grad


def test_the_prefix_of_a_wrapped_network():
    from minigrad.nn.modules.utils import consume_prefix_in_state_dict_if_present

    net = nn.Sequential(nn.Linear(1, 1))
    state = nn.DataParallel(net).state_dict()
    with pytest.raises(ValueError, match=r"consume_prefix_in_state_dict_if_present\(state_dict, 'module.'\)"):
        net.load_state_dict(state)
    consume_prefix_in_state_dict_if_present(state, "module.")
    consume_prefix_in_state_dict_if_present(state, "module.")
    assert list(state) == ["0.weight", "0.bias"] and not any(net.load_state_dict(state))
    both = {"a": 1, "b": 2, "module.a": 3}
    with pytest.raises(ValueError, match="'a' would be there twice"):
        consume_prefix_in_state_dict_if_present(both, "module.")
    assert both == {"a": 1, "b": 2, "module.a": 3}


def test_modules_that_are_known():
    relu = nn.ReLU()
    net = nn.Sequential(relu, nn.Sequential(relu))
    assert [name for name, _ in net.named_modules({relu}, "net")] == ["net", "net.1"]
    assert list(net.modules()).count(relu) == 1 and list(net.modules(remove_duplicate=False)).count(relu) == 2
    assert [name for name, _ in net.named_modules(prefix="a", remove_duplicate=False)] == ["a", "a.0", "a.1", "a.1.0"]


def test_words_of_pytorch_in_methods():
    x = mg.ones(2, requires_grad=True)
    assert (x * 2).numpy(force=True).tolist() == [2, 2]
    with pytest.raises(mg.GraphError, match="requires a gradient"):
        x.numpy()
    assert mg.zeros(2).uniform_(to=0.5).max() < 0.5 and mg.zeros(2).copy_(x.detach(), non_blocking=True).sum() == 2
    with pytest.raises(ValueError, match="there is no 'cuda'"):
        nn.Linear(1, 1).cuda()
    assert nn.ParameterDict(parameters={"a": x})["a"].shape == (2,) and len(nn.ParameterDict(None)) == 0
    assert nn.Transformer.generate_square_subsequent_mask(2, device="cpu", dtype=mg.float64).tolist() == [
        [0, -np.inf],
        [0, 0],
    ]
    with pytest.raises(ValueError, match="there is no 'cuda'"):
        nn.Transformer.generate_square_subsequent_mask(2, "cuda")


def test_the_type_of_a_module():
    layer = nn.Linear(1, 1)
    assert layer.type(dst_type=mg.float64) is layer and layer.weight.dtype == np.float64
    with pytest.raises(mg.DTypeError, match="a module's dtype must be a float, got int64"):
        layer.type(mg.int64)
