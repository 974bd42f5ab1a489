"""What `export` promises beside the numbers: names, refusals, and that nothing changes."""

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.engine.composite import composite
from minigrad.nn import functional as F

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from minigrad.onnx import OnnxExporterError, conversions, export  # noqa: E402
from tests.onnx.running import agrees, floats, run  # noqa: E402
from tests.test_documents import run as run_block  # noqa: E402

X = mg.tensor(floats(2, 3, 4))


class Function(nn.Module):
    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x):
        return self.function(self, x)


@mg.primitive
def mystery(x):
    return x * 2


class Puzzle(nn.Module):
    def forward(self, x):
        return mystery(mystery(x)) + mg.linalg.det(x[:, :3, :3]).sum()


def refused(net, path, match, dynamic_axes=None, args=X):
    """It is refused with this message, and the file that was there is as it was."""
    path.write_bytes(b"before")
    with pytest.raises(OnnxExporterError, match=match):
        export(net, args, path, dynamic_axes=dynamic_axes)
    assert path.read_bytes() == b"before" and len(list(path.parent.iterdir())) == 1


def test_every_operation_without_a_conversion_is_named_with_its_module(tmp_path):
    net = nn.Sequential(nn.Linear(4, 4), nn.Sequential(Puzzle(), nn.ReLU()), Puzzle())
    refused(net, tmp_path / "net.onnx", r"^export: 4 operations cannot be written as ONNX:\n"
            r"  mystery in Sequential\.1\.0 \(Puzzle\)\n  det in Sequential\.1\.0 \(Puzzle\)\n"
            r"  mystery in Sequential\.2 \(Puzzle\)\n  det in Sequential\.2 \(Puzzle\)$")  # fmt: skip


BATCH = {"x": {0: "batch"}}
INEXPRESSIBLE = [
    (lambda net, x: x * float(x.detach().mean()), None, "multiply in Function: a value that the file would fix changes"),
    (lambda net, x: x / float(x.detach().max()), None, "divide in Function: a value that the file would fix changes"),
    (lambda net, x: x + mg.tensor(np.abs(x.numpy()).sum()), None, "an array of shape .. differs between two runs"),
    (lambda net, x: x[True], None, "getitem in Function: a boolean as an index"),
    (lambda net, x: x * mg.tensor(x.numpy() ** 2), None, "an array of shape .2, 3, 4. differs between two runs"),
    (lambda net, x: x + mg.randn(4), None, "differs between two runs: it is random"),
    (lambda net, x: x.exp() if x[0, 0, 0] == X[0, 0, 0] else x.sin(), None, "the call runs other operations for other"),
    (lambda net, x: sum(row.exp() for row in x), BATCH, "do not name that axis in dynamic_axes\n  at      getitem in Func"),
    (
        lambda net, x: x.reshape(-1)[: 12 * (x.shape[0] // 2)] + x.shape[0] ** 2, BATCH,
        "a number is 12, 12, 24 where batch = 2, 3, 5: no sum or product of these\n  add in .* 4, 9, 25 where",
    ),
    (
        lambda net, x: x[:, 0].sum(0) * mg.tensor(np.linspace(0, 1, x.shape[0])).sum(), BATCH,
        "an array made during the call has shape .2,. and .3,., and is neither one value repeated nor a range",
    ),
    (lambda net, x: x[x > 0], None, "getitem in Function: a mask as an index"),
    (lambda net, x: F.embedding(mg.arange(2), net.table, max_norm=0.1) * x[0, 0, 0], None, "max_norm changes the weight"),
]  # fmt: skip


@pytest.mark.parametrize("function, axes, match", INEXPRESSIBLE)
def test_what_a_file_cannot_express(tmp_path, function, axes, match):
    table = nn.Parameter(mg.ones(3, 4))
    refused(Function(function, table=table), tmp_path / "net.onnx", match, axes)
    assert table.tolist() == [[1.0] * 4] * 3


def test_calls_that_fail_for_other_inputs(tmp_path):
    net = Function(lambda net, x: x.reshape(2, 12) * 2)
    match = r"fails with its values in another order, batch = 3: reshape: 36 elements of shape \(3, 3, 4\) do not fit"
    refused(net, tmp_path / "net.onnx", match, BATCH)
    net = nn.EmbeddingBag(5, 2)
    args = (mg.tensor([1, 2, 3]), mg.tensor([0, 2]))
    refused(net, tmp_path / "net.onnx", "values in another order: embedding_bag: offsets must rise from 0", args=args)


def test_a_false_conversion_is_noticed(tmp_path, monkeypatch):
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 3), nn.Tanh())
    monkeypatch.setitem(conversions.CONVERSIONS, mg.tanh, lambda g, x: g.Sigmoid(x))
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        agrees(net, [floats(2, 3, 4)], {0: {0: "batch"}})
    monkeypatch.setitem(conversions.CONVERSIONS, mg.tanh, lambda g, x: g.Concat(x, axis=5))
    refused(net, tmp_path / "net.onnx", "the graph does not pass onnx's check, which is a fault of a conversion")
    monkeypatch.setitem(conversions.CONVERSIONS, mg.tanh, lambda g, x: g.Invented(x))
    refused(net, tmp_path / "net.onnx", "Invented")


def test_nothing_of_the_model_changes(tmp_path):
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.5), nn.Flatten(), nn.LSTM(8, 3), Puzzle())
    net[1].eval()
    net[0].bias.requires_grad_(False)
    calls = []
    net[0].register_forward_hook(lambda *args: calls.append(mg.is_grad_enabled()))

    def state():
        hooks = [len(h.after) for m in net.modules() if (h := m._hooks) is not None]
        values = {k: (id(v.array), v.tolist(), v.requires_grad) for k, v in net.state_dict(keep_vars=True).items()}
        return [m.training for m in net.modules()], values, sum(hooks), mg.is_grad_enabled(), mg.get_rng_state().tolist()

    before = state()
    for last, outcome in ((Puzzle(), OnnxExporterError), (nn.Identity(), None)):
        net[5] = Function(lambda _, pair: last(pair[0][None, :, :3]))
        net[5].train()
        if outcome:
            with pytest.raises((OnnxExporterError, mg.errors.MinigradError)):
                export(net, mg.tensor(floats(3, 1, 4, 4)), tmp_path / "net.onnx")
        else:
            export(net, mg.tensor(floats(3, 1, 4, 4)), tmp_path / "net.onnx")
        assert state()[1:] == before[1:] and state()[0][:6] == before[0][:6]
    assert calls and not any(calls)


def test_buffers_that_a_forward_changes_are_restored():
    def count(net, x):
        net.seen += 1
        return x * 2

    net = Function(count)
    net.register_buffer("seen", mg.zeros(()))
    seen = net.seen
    export(net, X)
    assert net.seen is seen and net.seen.item() == 0


def test_names_of_inputs_and_outputs():
    class Pair(nn.Module):
        def forward(self, first, second=None, *, scale=None, state=()):
            return first * scale + sum(state), {"other": second}

    state = (mg.ones(4), mg.ones(4))
    file = export(Pair(), (X, X + 1), kwargs={"scale": mg.ones(1), "state": state})
    assert [i.name for i in file.graph.input] == ["first", "second", "scale", "state_0", "state_1"]
    assert [o.name for o in file.graph.output] == ["output_0", "output_1"]
    file = export(
        Pair(), (X, X + 1), kwargs={"scale": 2.0, "state": state[:1]}, input_names=["a", "b", "c"], output_names=["y", "z"]
    )
    assert [i.name for i in file.graph.input] == ["a", "b", "c"] and [o.name for o in file.graph.output] == ["y", "z"]
    for options, match in [
        ({"input_names": ["a"]}, r"input_names must be 3 different names, got \['a'\]"),
        ({"output_names": ["a"]}, r"output_names must be 2 names that no input and no parameter has, got \['a'\]"),
        ({"output_names": ["first", "z"]}, r"output_names must be 2 names that no input and no parameter has"),
    ]:
        with pytest.raises(ValueError, match=match):
            export(Pair(), (X, X + 1), kwargs={"scale": mg.ones(1)}, **options)


def test_a_parameter_and_an_input_of_one_name():
    net = Function(lambda net, x: x * net.w, w=nn.Parameter(mg.ones(4)))
    with pytest.raises(ValueError, match="w is the name of an input and of a parameter\n  hint: pass other input_names"):
        export(net, X, input_names=["w"])
    with pytest.raises(ValueError, match="output_names must be 1 names that no input and no parameter has"):
        export(net, X, output_names=["w"])


def test_dynamic_axes():
    net = nn.Linear(4, 2)
    fixed = export(net, X)
    with pytest.raises(Exception, match="Got invalid dimensions for input: x"):
        run(fixed, [floats(3, 3, 4)])
    file = export(net, X, dynamic_axes={"x": [0, 1], "output": {0: "b"}})
    sizes = [d.dim_param or d.dim_value for d in file.graph.output[0].type.tensor_type.shape.dim]
    assert sizes == ["x_axis_0", "x_axis_1", 2] and run(file, [floats(5, 6, 4)])[0].shape == (5, 6, 2)
    joined = export(Function(lambda _, x: mg.cat([x, x[:1]])), X, dynamic_axes={"x": {-3: "n"}})
    assert joined.graph.output[0].type.tensor_type.shape.dim[0].dim_param == "n + 1"
    for axes, match in [
        ({"y": {0: "batch"}}, "there is no input 'y'; the inputs are x"),
        ({"x": {3: "batch"}}, r"x of shape \(2, 3, 4\) has no axis 3"),
        ({"x": {0: "n", 1: "n"}}, r"the axes named 'n' must have one size of at least 1, got \[2, 3\]"),
    ]:
        with pytest.raises(ValueError, match=f"export: dynamic_axes: {match}"):
            export(net, X, dynamic_axes=axes)
    with pytest.raises(TypeError, match=r"dynamic_axes must be a dict, as \{'x': \{0: 'batch'\}\}, got \['x'\]"):
        export(net, X, dynamic_axes=["x"])
    for given in ("batch", {"0": "batch"}, {0: 7}, {0: None}, ["batch"], 0):
        with pytest.raises(TypeError, match=r"dynamic_axes: x must have a dict of axes and their names, .* got "):
            export(net, X, dynamic_axes={"x": given})


def test_an_input_that_is_not_used_is_warned_of():
    """Also one that operations do not see, of equal values."""
    weigh = Function(lambda _, pair: pair[0] * mg.tensor(pair[1].numpy().astype(np.float32)))
    for second in (mg.ones(4, dtype=mg.int64), mg.zeros(4)):
        with pytest.warns(UserWarning, match="no operation of the file takes the input x_1\n  hint: if the model uses it"):
            export(weigh, ((X, second),))


def test_a_convolution_takes_images_of_any_size():
    net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.Conv2d(2, 1, 3, stride=2))
    agrees(net, [floats(2, 1, 8, 8)], {0: {0: "batch", 2: "height", 3: "width"}})


def test_arguments_that_are_refused():
    net = nn.Linear(4, 2)
    for call, error, match in [
        (lambda: export(net, X, opset_version=17), ValueError, r"opset_version must be within 18\.\.23, got 17"),
        (lambda: export(net, (None,)), ValueError, "args holds no tensor, so the file would have no input"),
        (lambda: export(mg.exp, X), TypeError, "model must be a Module, got Primitive"),
        (
            lambda: export(Function(lambda _, x: (x, 3)), X),
            OnnxExporterError,
            "must return tensors, it returned a int among",
        ),
    ]:
        with pytest.raises(error, match=match):
            call()


def test_files_of_two_gibibytes_are_refused(monkeypatch):
    monkeypatch.setattr(sys.modules["minigrad.onnx.export"], "LARGEST", 100)
    with pytest.raises(OnnxExporterError, match=r"the parameters take 400 bytes; a file holds less than 2 GiB"):
        export(nn.Linear(4, 20), X)
    with pytest.raises(OnnxExporterError, match=r"the file would have .* bytes; it can hold less than 2 GiB"):
        export(nn.ReLU(), X)


def test_a_hook_on_a_recurrent_layer_is_part_of_the_call():
    net = nn.Sequential(nn.LSTM(4, 3))
    net[0].register_forward_hook(lambda module, args, out: out[0] * 2)
    file = agrees(net, [floats(5, 2, 4)], {0: {0: "length", 1: "batch"}})
    assert [node.op_type for node in file.graph.node].count("LSTM") == 1


def test_a_value_from_inside_an_operation(tmp_path):
    kept = []
    distance = Function(lambda net, x: kept.append(x.exp()) or kept[-1])
    outer = composite(lambda x: distance(x) * 2)
    net = Function(lambda net, x: outer(x) + kept[-1], distance=distance)
    conversions.CONVERSIONS[outer] = lambda g, x: g.Mul(g.Exp(x), 2.0)
    try:
        refused(
            net, tmp_path / "net.onnx", "add in Function: it takes a value from inside an operation that one node replaces"
        )
    finally:
        del conversions.CONVERSIONS[outer]


def test_weights_made_during_the_call():
    net = nn.utils.parametrizations.weight_norm(nn.Linear(4, 3))
    file = agrees(net, [floats(2, 4)], {0: {0: "batch"}})
    assert {"parametrizations.weight.original0", "parametrizations.weight.original1"} <= {
        i.name for i in file.graph.initializer
    }


def test_without_onnx():
    code = (
        "import sys; sys.modules['onnx'] = None\n"
        "import minigrad as mg\n"
        "try: mg.onnx.export(mg.nn.ReLU(), mg.ones(1))\n"
        "except ImportError as error: print(error)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out == "onnx.export needs onnx\n  hint: pip install onnx (the extra named onnx)\n"


def test_the_page_about_it_runs_in_order(tmp_path, monkeypatch):
    """Its blocks are not marked `python` alone, so that tests/test_documents.py passes without onnx."""
    page = (Path(__file__).parents[2] / "docs" / "howto" / "onnx.md").read_text("utf-8")
    blocks = re.findall(r"^```{code-block} python\n(.*?)^```(?:\n\n```{code-block} text\n(.*?)^```)?", page, re.M | re.S)
    assert len(blocks) == 4
    monkeypatch.chdir(tmp_path)
    names = {}
    for code, printed in blocks:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            run_block(code, names)
        assert out.getvalue() == printed
