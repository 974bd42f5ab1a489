"""Every layer as an ONNX file, run by onnxruntime at the recorded and at another batch size.

A class of nn without a row here fails, unless NOT_EXPORTABLE says why it has none.
"""

import inspect

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, pytree

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from tests.onnx.running import agrees, floats, integers  # noqa: E402

FIXED = {0: {}}  # no axis is dynamic: one item without the batch axis
NEAREST = 2, 82  # sizes at which Resize would read another pixel, by a rounding error
SEQUENCE = {0: {1: "batch"}}  # (L, N, features)
PROBABILITIES = np.exp(floats(5, 4)) / np.exp(floats(5, 4)).sum(1, keepdims=True)
# (layer, arguments, inputs: shapes, or arrays; options by name in a dict at the end of the arguments)
LAYERS = [
    ("Linear", (5, 3), [(4, 5)]),
    ("Linear", (5, 3, {"bias": False}), [(4, 5)]),
    ("Linear", (5, 3), [(2, 4, 5)]),
    ("Bilinear", (3, 4, 2), [(5, 3), (5, 4)]),
    ("Identity", (), [(2, 3)]),
    ("Flatten", (), [(2, 3, 4)]),
    ("Unflatten", (1, (2, 3)), [(4, 6, 5)]),
    ("Conv1d", (4, 6, 3, {"stride": 2, "padding": 1, "dilation": 2, "groups": 2, "bias": False}), [(2, 4, 11)]),
    ("Conv1d", (2, 3, 4, {"padding": "same", "padding_mode": "circular"}), [(2, 2, 9)]),
    ("Conv2d", (2, 4, 3, {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2), "groups": 2}), [(2, 2, 7, 9)]),
    ("Conv2d", (2, 3, (3, 4), {"padding": "same", "padding_mode": "reflect", "dilation": (1, 2)}), [(2, 2, 7, 9)]),
    ("Conv2d", (2, 3, 3, {"padding": (2, 1), "padding_mode": "replicate", "stride": 2}), [(2, 2, 6, 7)]),
    ("Conv3d", (2, 4, (2, 3, 2), {"stride": (1, 2, 1), "padding": (0, 1, 1), "groups": 2}), [(2, 2, 4, 5, 3)]),
    ("ConvTranspose1d", (4, 6, 3, {"stride": 3, "padding": 1, "output_padding": 2, "groups": 2}), [(2, 4, 5)]),
    ("ConvTranspose2d", (3, 2, (4, 3), {"stride": (2, 3), "padding": 1, "output_padding": (1, 0)}), [(2, 3, 4, 5)]),
    ("ConvTranspose2d", (2, 4, 3, {"dilation": 2, "bias": False, "groups": 2}), [(2, 2, 3, 4)]),
    ("ConvTranspose3d", (2, 3, 2, {"stride": 2}), [(1, 2, 3, 2, 3)]),
    ("Conv2d", (2, 3, 3), [(2, 6, 7)], FIXED),
    ("ConvTranspose2d", (2, 3, 3), [(2, 6, 7)], FIXED),
    ("MaxPool2d", (2,), [(2, 6, 7)], FIXED),
    ("AvgPool2d", (2,), [(2, 6, 7)], FIXED),
    ("AdaptiveAvgPool2d", (1,), [(2, 6, 7)], FIXED),
    ("AdaptiveMaxPool1d", (2,), [(2, 3, 8)]),
    ("AdaptiveMaxPool2d", (2,), [(2, 3, 8, 6)]),
    ("AdaptiveMaxPool3d", (1,), [(2, 3, 4, 6, 2)]),
    ("AdaptiveAvgPool1d", (1,), [(2, 3, 8)]),
    ("AdaptiveAvgPool3d", (2,), [(2, 3, 4, 6, 2)]),
    ("MaxPool1d", (3, {"stride": 2, "padding": 1, "dilation": 2}), [(2, 3, 10)]),
    ("MaxPool2d", (2,), [(2, 3, 6, 8)]),
    ("MaxPool2d", ((3, 2), {"stride": (2, 1), "padding": 1, "ceil_mode": True}), [(2, 3, 7, 8)]),
    ("MaxPool2d", (2, {"return_indices": True}), [(2, 3, 6, 8)]),
    ("MaxPool3d", (2, {"stride": 1}), [(2, 2, 3, 4, 3)]),
    ("MaxUnpool1d", (2,), [(2, 2, 3), np.array([[[1, 2, 5], [0, 3, 4]]] * 2)]),
    ("MaxUnpool2d", (2,), [(1, 1, 2, 2), np.array([[[[0, 3], [9, 15]]]])]),
    ("MaxUnpool3d", (2,), [(1, 1, 1, 1, 2), np.array([[[[[7, 9]]]]])]),
    ("AvgPool1d", (3, {"stride": 2, "padding": 1}), [(2, 3, 10)]),
    ("AvgPool2d", (2,), [(2, 3, 6, 8)]),
    ("AvgPool2d", (3, 2, 1, True, False), [(2, 3, 6, 8)]),
    ("AvgPool2d", (3, {"padding": 1, "count_include_pad": False}), [(2, 3, 6, 8)]),
    ("AvgPool2d", (3, {"divisor_override": 5}), [(2, 3, 6, 8)]),
    ("AvgPool3d", (2,), [(2, 2, 4, 4, 3)]),
    ("AdaptiveAvgPool1d", (4,), [(2, 3, 10)]),
    ("AdaptiveAvgPool2d", ((3, None),), [(2, 3, 7, 5)]),
    ("AdaptiveAvgPool2d", (1,), [(2, 3, 7, 5)]),
    ("AdaptiveAvgPool2d", (2,), [(2, 3, 8, 6)]),
    ("AdaptiveAvgPool3d", (2,), [(2, 2, 5, 4, 3)]),
    ("AdaptiveMaxPool1d", (4,), [(2, 3, 10)]),
    ("AdaptiveMaxPool2d", ((3, 2),), [(2, 3, 7, 5)]),
    ("AdaptiveMaxPool3d", (2,), [(2, 2, 5, 4, 3)]),
    ("LPPool1d", (2, 3), [(2, 3, 8)]),
    ("LPPool2d", (2.0, (2, 3), 2, True), [(2, 3, 5, 6)]),
    ("LPPool3d", (2, 2), [(1, 2, 4, 5, 4)]),
    ("ZeroPad1d", (2,), [(2, 3, 4)]),
    ("ZeroPad2d", ((1, -1, 0, -2),), [(2, 3, 4, 5)]),
    ("ZeroPad3d", (1,), [(2, 3, 2, 3, 2)]),
    ("ConstantPad1d", ((1, 2), 3.5), [(2, 3, 4)]),
    ("ConstantPad2d", (1, -2.0), [(2, 3, 4, 5)]),
    ("ConstantPad3d", (1, 0.5), [(2, 2, 2, 3, 2)]),
    ("ReflectionPad1d", ((2, 1),), [(2, 3, 4)]),
    ("ReflectionPad2d", ((1, 2, 3, 0),), [(2, 3, 4, 5)]),
    ("ReflectionPad3d", (1,), [(2, 2, 2, 3, 2)]),
    ("ReplicationPad1d", ((2, 1),), [(2, 3, 4)]),
    ("ReplicationPad2d", ((1, 2, 3, 0),), [(2, 3, 4, 5)]),
    ("ReplicationPad3d", (1,), [(2, 2, 2, 3, 2)]),
    ("CircularPad1d", ((2, 1),), [(2, 3, 4)]),
    ("CircularPad2d", ((1, 2, 3, 0),), [(2, 3, 4, 5)]),
    ("CircularPad3d", (1,), [(2, 2, 2, 3, 2)]),
    ("BatchNorm1d", (4,), [(5, 4)]),
    ("BatchNorm2d", (3, {"affine": False, "momentum": 0.3}), [(4, 3, 2, 5)]),
    ("BatchNorm2d", (3, {"track_running_stats": False}), [(4, 3, 2, 5)]),
    ("BatchNorm3d", (2,), [(3, 2, 2, 3, 2)]),
    ("SyncBatchNorm", (2,), [(4, 2, 3)]),
    ("InstanceNorm1d", (3, {"affine": True, "track_running_stats": True}), [(2, 3, 7)]),
    ("InstanceNorm2d", (3, {"affine": True}), [(2, 3, 4, 5)]),
    ("InstanceNorm3d", (2,), [(2, 2, 2, 3, 2)]),
    ("LayerNorm", ([3, 5], 1e-3), [(4, 3, 5)]),
    ("LayerNorm", (5, {"elementwise_affine": False}), [(4, 5)]),
    ("RMSNorm", (5,), [(4, 3, 5)]),
    ("GroupNorm", (2, 6), [(3, 6, 4)]),
    ("LocalResponseNorm", (3, 0.5, 0.75, 2.0), [(2, 7, 3, 2)]),
    ("LocalResponseNorm", (4, 0.5), [(2, 7, 3)]),
    ("Upsample", ({"scale_factor": 2},), [(2, 3, 4, 5)]),
    ("Upsample", ((7, 3), None, "bilinear", False), [(2, 3, 4, 5)]),
    ("Upsample", (None, 1.5, "linear", True), [(2, 3, 8)]),
    ("Upsample", ((7, 9), None, "bicubic"), [(2, 3, 4, 5)]),
    ("Upsample", (None, 1.7, "nearest-exact"), [(2, 3, 4, 5)]),
    ("Upsample", (None, 1.7), [(2, 3, 4, 5)]),
    ("UpsamplingNearest2d", ((5, 9),), [(2, 3, 4, 5)]),
    ("Upsample", (NEAREST[1],), [(1, 2, NEAREST[0])]),
    ("UpsamplingBilinear2d", ({"scale_factor": 2},), [(2, 3, 4, 5)]),
    ("ChannelShuffle", (2,), [(2, 6, 3)]),
    ("PixelShuffle", (2,), [(2, 8, 2, 3)]),
    ("PixelUnshuffle", (2,), [(2, 2, 4, 6)]),
    ("Unfold", ((2, 3), {"padding": 1, "stride": 2}), [(2, 3, 5, 6)]),
    ("Fold", ((5, 6), (2, 3), {"padding": 1, "stride": 2}), [(2, 18, 9)]),
    ("Embedding", (7, 3, {"padding_idx": 2}), [integers(7, 4, 5)]),
    ("EmbeddingBag", (7, 3), [integers(7, 4, 5)]),
    ("EmbeddingBag", (7, 3, {"mode": "max"}), [integers(7, 4, 5)]),
    ("RNNCell", (4, 3, False, "relu"), [(2, 4)]),
    ("RNNCell", (4, 3), [(2, 4), (2, 3)]),
    ("LSTMCell", (4, 3), [(2, 4)]),
    ("GRUCell", (4, 3), [(2, 4)]),
    ("RNN", (4, 3), [(5, 2, 4)], SEQUENCE),
    ("RNN", (4, 3, 2, "relu", {"bidirectional": True}), [(5, 2, 4), (4, 2, 3)], SEQUENCE | {1: {1: "batch"}}),
    ("GRU", (4, 3, 3, False, True, 0.0, True), [(2, 5, 4), (6, 2, 3)], {0: {0: "batch"}, 1: {1: "batch"}}),
    ("GRU", (4, 1, {"num_layers": 2}), [(5, 4)], {0: {0: "length"}}),
    ("LSTM", (4, 3), [(5, 2, 4)], {0: {0: "length", 1: "batch"}}),
    ("LSTM", (4, 3, {"num_layers": 2, "bidirectional": True, "batch_first": True, "dropout": 0.5}), [(2, 5, 4)]),
    ("LSTM", (4, 3, {"bias": False, "batch_first": True}), [(2, 5, 4), [(1, 2, 3), (1, 2, 3)]],
     {0: {0: "batch"}, 1: {1: "batch"}, 2: {1: "batch"}}),
    ("LSTM", (4, 3, {"bidirectional": True, "proj_size": 2}), [(3, 2, 4)], SEQUENCE),
    ("MultiheadAttention", (6, 3), [(4, 2, 6), (5, 2, 6), (5, 2, 6)], {i: {1: "batch"} for i in range(3)}),
    ("MultiheadAttention", (6, 2, 0.5, False, True, True, 5, 3, True), [(2, 4, 6), (2, 5, 5), (2, 5, 3)]),
    ("TransformerEncoderLayer", (6, 2, 8), [(5, 2, 6)], SEQUENCE),
    ("TransformerEncoderLayer", (6, 3, 8, 0.1, "gelu", 1e-3, True, True, False), [(2, 5, 6)],
     {0: {0: "batch", 1: "length"}}),
    ("TransformerDecoderLayer", (6, 2, 8), [(5, 2, 6), (4, 2, 6)], {0: {1: "batch"}, 1: {1: "batch"}}),
    ("Transformer", (6, 3, 1, 2, 8, 0.1, "gelu", {"norm_first": True, "batch_first": True}), [(2, 4, 6), (2, 5, 6)],
     {0: {0: "batch", 1: "source"}, 1: {0: "batch", 1: "target"}}),
    ("ReLU", (True,), [(3, 4)]),
    ("ReLU6", (), [(3, 4)]),
    ("LeakyReLU", (0.2, {"inplace": True}), [(3, 4)]),
    ("PReLU", (), [(3, 4)]),
    ("PReLU", (4, 0.1), [(3, 4, 2)]),
    ("RReLU", (), [(3, 4)]),
    ("ELU", (0.7,), [(3, 4)]),
    ("SELU", (), [(3, 4)]),
    ("CELU", (1.5,), [(3, 4)]),
    ("GELU", (), [(3, 4)]),
    ("GELU", ("tanh",), [(3, 4)]),
    ("SiLU", (), [(3, 4)]),
    ("Mish", (), [(3, 4)]),
    ("Softplus", (), [(3, 4)]),
    ("Softplus", (2.0, 1.0), [(3, 4)]),
    ("Softsign", (), [(3, 4)]),
    ("Softshrink", (0.3,), [(3, 4)]),
    ("Hardshrink", (0.3,), [(3, 4)]),
    ("Hardtanh", (-0.5, 1.2), [(3, 4)]),
    ("Hardsigmoid", (), [(3, 4)]),
    ("Hardswish", (), [(3, 4)]),
    ("LogSigmoid", (), [(3, 4)]),
    ("Tanhshrink", (), [(3, 4)]),
    ("Threshold", (0.3, -1.0), [(3, 4)]),
    ("GLU", (), [(3, 4)]),
    ("Softmax", (1,), [(3, 4, 2)]),
    ("Softmax2d", (), [(2, 3, 4, 5)]),
    ("Softmin", (-1,), [(3, 4)]),
    ("LogSoftmax", (-1,), [(3, 4)]),
    ("Sigmoid", (), [(3, 4)]),
    ("Tanh", (), [(3, 4)]),
    ("Dropout", (0.3,), [(3, 4)]),
    ("AlphaDropout", (0.3,), [(3, 4)]),
    ("FeatureAlphaDropout", (), [(3, 4, 2)]),
    ("Dropout1d", (), [(2, 3, 4)]),
    ("Dropout2d", (), [(2, 3, 4, 5)]),
    ("Dropout3d", (), [(2, 3, 2, 3, 2)]),
    ("CosineSimilarity", (), [(5, 4), (5, 4)]),
    ("PairwiseDistance", (3.0,), [(5, 4), (5, 4)]),
    ("L1Loss", (), [(5, 4), (5, 4)]),
    ("MSELoss", ({"reduction": "sum"},), [(5, 4), (5, 4)]),
    ("HuberLoss", ({"delta": 0.5},), [(5, 4), (5, 4)]),
    ("SmoothL1Loss", ({"beta": 0.5},), [(5, 4), (5, 4)]),
    ("CrossEntropyLoss", (), [(5, 4), integers(4, 5)]),
    ("CrossEntropyLoss", ({"ignore_index": 1, "reduction": "none"},), [(5, 4, 3), integers(4, 5, 3)]),
    ("CrossEntropyLoss", (), [(5, 4), PROBABILITIES]),
    ("CrossEntropyLoss", ({"weight": np.array([1, 2, 0.5, 3], np.float32), "label_smoothing": 0.1, "reduction": "sum"},),
     [(5, 4, 3), np.stack([PROBABILITIES] * 3, 2)]),
    ("CrossEntropyLoss", ({"reduction": "none"},), [(5, 4), np.eye(5, 4, dtype=np.float32) + np.eye(5, 4, -4, np.float32)]),
    ("NLLLoss", ({"weight": np.array([1, 2, 0.5, 3], np.float32)},), [(5, 4), integers(4, 5)]),
    ("NLLLoss2d", (), [(2, 4, 3, 2), integers(4, 2, 3, 2)]),
    ("BCELoss", (), [np.linspace(0.1, 0.9, 20).reshape(5, 4).astype("f4"), np.eye(5, 4, dtype=np.float32)]),
    ("BCEWithLogitsLoss", ({"pos_weight": np.array([1, 2, 3, 4], np.float32)},), [(5, 4), np.eye(5, 4, dtype=np.float32)]),
    ("KLDivLoss", ({"reduction": "batchmean"},), [(5, 4), np.full((5, 4), 0.25, np.float32)]),
    ("PoissonNLLLoss", (), [(5, 4), (5, 4)]),
    ("GaussianNLLLoss", (), [(5, 4), (5, 4), np.ones((5, 4), np.float32)]),
    ("HingeEmbeddingLoss", (), [(5, 4), np.sign(floats(5, 4))]),
    ("SoftMarginLoss", (), [(5, 4), np.sign(floats(5, 4))]),
    ("MarginRankingLoss", (), [(5,), (5,), np.sign(floats(5))]),
    ("CosineEmbeddingLoss", (), [(5, 4), (5, 4), np.sign(floats(5))]),
    ("TripletMarginLoss", (), [(5, 4), (5, 4), (5, 4)]),
    ("TripletMarginWithDistanceLoss", (), [(5, 4), (5, 4), (5, 4)]),
    ("MultiLabelSoftMarginLoss", (), [(5, 4), np.eye(5, 4, dtype=np.float32)]),
]  # fmt: skip
STACKS = {
    "Sequential": lambda: nn.Sequential(nn.Linear(4, 3), nn.ReLU()),
    "TransformerEncoder": lambda: nn.TransformerEncoder(
        nn.TransformerEncoderLayer(4, 2, 6, batch_first=True), 2, nn.LayerNorm(4)
    ),
    "DataParallel": lambda: nn.DataParallel(nn.Linear(4, 3)),
    "Module": lambda: Held(),
}
NOT_EXPORTABLE = {
    "CTCLoss": "sums over paths that the values of lengths and targets select",
    "MultiLabelMarginLoss": "the number of targets is a value",
    "MultiMarginLoss": "removes an element that the values of targets select",
    "RNNBase": "a base class",
    "RNNCellBase": "a base class",
    "LazyModuleMixin": "a base class",
    "ModuleDict": "has no forward; inside Module, above",
    "ModuleList": "has no forward; inside Module, above",
    "ParameterDict": "has no forward; inside Module, above",
    "ParameterList": "has no forward; inside Module, above",
    "TransformerDecoder": "has two inputs: below",
}
NOT_EXPORTABLE |= {name: "becomes another layer at its first call: below" for name in dir(nn) if name.startswith("Lazy")}


class Held(nn.Module):
    """Layers and parameters in every container."""

    def __init__(self):
        super().__init__()
        self.row = nn.ModuleList([nn.Linear(4, 4) for _ in range(2)])
        self.named = nn.ModuleDict({"act": nn.Tanh(), "out": nn.Sequential(nn.Linear(4, 3), nn.Sigmoid())})
        self.shifts = nn.ParameterList([nn.Parameter(mg.ones(4)) for _ in range(2)])
        self.scales = nn.ParameterDict({"a": nn.Parameter(mg.ones(3))})

    def forward(self, x):
        for layer, shift in zip(self.row, self.shifts, strict=True):
            x = self.named["act"](layer(x)) + shift
        return self.named["out"](x) * self.scales["a"]


class Inside(nn.Module):
    """A network of one layer, which the nodes must name."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, *inputs):
        return self.layer(*inputs)


def made(name, arguments):
    options = {}
    if arguments and isinstance(arguments[-1], dict):
        *arguments, options = arguments
    options = {key: mg.tensor(v) if isinstance(v, np.ndarray) else v for key, v in options.items()}
    return getattr(nn, name)(*arguments, **options)


def rows():
    for i, (name, arguments, inputs, *axes) in enumerate(LAYERS):
        yield pytest.param(name, arguments, inputs, axes[0] if axes else {}, id=f"{name}-{i}")


@pytest.mark.parametrize("name, arguments, inputs, axes", list(rows()))
def test_onnxruntime_agrees(name, arguments, inputs, axes):
    layer = made(name, arguments)
    rng = np.random.default_rng(0)
    for buffer in layer.buffers():
        if buffer.dtype.kind == "f":
            buffer.copy_(rng.uniform(0.3, 1, buffer.shape))
    drawn = [tuple(floats(*s) for s in x) if isinstance(x, list) else x if isinstance(x, np.ndarray) else floats(*x)
             for x in inputs]  # fmt: skip
    places = axes or {i: {0: "batch"} for i in range(len(pytree.leaves(drawn)))}
    file = agrees(Inside(layer), drawn, places)
    for node in file.graph.node:
        assert node.name.startswith("layer/") or node.op_type in ("Shape", "Identity", "Mul", "Add"), node.name
    saved = {f"layer.{key}" for key in layer.state_dict()}
    assert all(i.name in saved or i.name.split("/")[-1].startswith("constant") for i in file.graph.initializer)


@pytest.mark.parametrize("opset", [18, 23])
def test_operators_of_other_versions(opset):
    layers = [
        ("GELU", (), (3, 4)), ("GELU", ("tanh",), (3, 4)), ("GroupNorm", (2, 6), (3, 6, 4)),
        ("LayerNorm", (4,), (3, 4)), ("ReflectionPad1d", (2,), (2, 3, 4)),
        ("Upsample", (None, 2.0), (2, 3, 4)), ("LSTM", (4, 3, 1, True, True), (2, 5, 4)),
    ]  # fmt: skip
    for name, arguments, shape in layers:
        file = agrees(made(name, arguments), [floats(*shape)], {0: {0: "batch"}}, opset_version=opset)
        assert file.opset_import[0].version == opset


@pytest.mark.parametrize(
    "name, arguments, inputs",
    [
        (
            "CTCLoss",
            (),
            [np.log(np.full((6, 2, 4), 0.25, np.float32)), np.array([[1, 2], [3, 1]]), np.array([6, 5]), [1, 2]],
        ),
        ("MultiMarginLoss", (), [floats(5, 4), np.array([0, 1, 3, 2, 2])]),
        ("MultiLabelMarginLoss", (), [floats(3, 4), np.array([[1, 2, -1, 0], [3, -1, 0, 0], [0, 1, 2, 3]])]),
        ("EmbeddingBag", (7, 3), [np.array([1, 5, 2, 0]), np.array([0, 0])]),
    ],
)
def test_the_others_are_refused(name, arguments, inputs):
    with pytest.raises(mg.onnx.OnnxExporterError, match=r"Inside\.layer"):
        mg.onnx.export(Inside(made(name, arguments)), tuple(mg.tensor(x) for x in inputs))


@pytest.mark.parametrize("name", STACKS)
def test_stacks(name):
    file = agrees(STACKS[name](), [floats(2, 5, 4)], {0: {0: "batch"}})
    assert {i.name for i in file.graph.initializer if "constant" not in i.name} <= set(STACKS[name]().state_dict())


def classes():
    found = (getattr(nn, name) for name in dir(nn))
    return {c.__name__ for c in found if inspect.isclass(c) and issubclass(c, nn.Module) and c.__name__[0] != "_"}


def without_row():
    return classes() - {name for name, *_ in LAYERS} - set(STACKS) - set(NOT_EXPORTABLE)


def test_every_layer_has_a_row(monkeypatch):
    assert without_row() == set()
    monkeypatch.setattr(nn, "Novel", type("Novel", (nn.Linear,), {}), raising=False)
    assert without_row() == {"Novel"}
