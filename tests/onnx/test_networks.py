"""Every network of minigrad.models and a small GPT as ONNX files, run by onnxruntime at two batch sizes."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import models, nn
from minigrad.nn import functional as F

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from tests.onnx.running import agrees, floats, integers  # noqa: E402

BATCH = {0: {0: "batch"}}
NETWORKS = {
    "AlexNet": (lambda: narrowed(models.AlexNet(10)), (1, 3, 63, 63)),
    "AlexNetSmall": (lambda: models.AlexNetSmall(), (2, 1, 28, 28)),
    "DeepConvNet": (lambda: models.DeepConvNet(), (2, 1, 28, 28)),
    "LeNet5": (lambda: models.LeNet5(), (2, 1, 28, 28)),
    "MultiLayerNet": (lambda: models.MultiLayerNet(784, [50, 30]), (2, 784)),
    "ResNet18": (lambda: models.ResNet18(10), (1, 3, 32, 32)),
    "SimpleConvNet": (lambda: models.SimpleConvNet(), (1, 1, 28, 28)),
}


def narrowed(net):
    """The same network with few units in the layers that hold 94 % of its parameters."""
    net.classifier[1], net.classifier[4], net.classifier[6] = nn.Linear(9216, 20), nn.Linear(20, 15), nn.Linear(15, 10)
    return net


class Block(nn.Module):
    """Attention to earlier positions, and two linear layers."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU("tanh"), nn.Linear(4 * width, width), nn.Dropout(0.1))

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(self.ln1(x)).split(C, dim=2)
        q, k, v = (y.view(B, T, self.heads, C // self.heads).transpose(1, 2) for y in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).contiguous().view(B, T, C))
        return x + self.mlp(self.ln2(x))


class GPT(nn.Module):
    def __init__(self, vocabulary=17, context=12, width=16, heads=4, layers=2):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(layers)])
        self.ln = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, idx):
        T = idx.shape[1]
        x = self.tokens(idx) + self.positions(mg.arange(T))
        return self.head(self.ln(self.blocks(x)))


def test_every_network_is_here():
    assert sorted(NETWORKS) == sorted(models.__all__)


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name):
    make, shape = NETWORKS[name]
    net = make()
    file = agrees(net, [floats(*shape)], BATCH)
    assert {i.name for i in file.graph.initializer if "constant" not in i.name} <= set(net.state_dict())
    modules = {key.replace(".", "/") for key, _ in net.named_modules()}
    named = [node.name.rpartition("/")[0] for node in file.graph.node]
    assert set(named) <= modules


def test_the_names_of_the_file_are_those_of_the_modules():
    file = agrees(models.SimpleConvNet(), [floats(2, 1, 28, 28)], BATCH)
    assert [node.name for node in file.graph.node] == [
        "conv1/Conv", "relu1/Relu", "pool1/MaxPool", "Reshape", "fc1/Gemm", "relu2/Relu", "fc2/Gemm",
    ]  # fmt: skip
    assert (file.producer_name, file.producer_version, file.graph.name) == ("minigrad", mg.__version__, "SimpleConvNet")
    assert file.graph.output[0].type.tensor_type.shape.dim[0].dim_param == "batch"


@pytest.mark.parametrize("opset", [18, 20, 23])
def test_a_small_gpt_of_any_length(opset):
    file = agrees(GPT(), [integers(17, 2, 7)], {0: {0: "batch", 1: "length"}}, opset_version=opset)
    assert [i.name for i in file.graph.initializer].count("tokens.weight") == 1  # shared with the head
    assert any(node.name.startswith("blocks/1/mlp/0/") for node in file.graph.node)
    agrees(GPT(), [integers(17, 1, 1)], {0: {0: "batch", 1: "length"}}, opset_version=opset)


def test_an_encoder_with_masks():
    net = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6, batch_first=True), 2, nn.LayerNorm(4))
    mask = nn.Transformer.generate_square_subsequent_mask(5).numpy()
    padding = np.array([[False, False, False, False, True], [False] * 5])
    agrees(net, [floats(2, 5, 4), mask, padding], {0: {0: "batch"}, 2: {0: "batch"}})


def test_a_decoder():
    net = nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 6, batch_first=True), 2)
    agrees(net, [floats(2, 5, 4), floats(2, 3, 4)], {0: {0: "batch", 1: "target"}, 1: {0: "batch", 1: "source"}})


@pytest.mark.parametrize("name, shape", [("LazyLinear", (2, 4)), ("LazyConv2d", (2, 3, 5, 5)), ("LazyBatchNorm1d", (3, 4))])
def test_lazy_layers_after_their_first_call(name, shape):
    arguments = {"LazyLinear": (3,), "LazyConv2d": (4, 3), "LazyBatchNorm1d": ()}[name]
    net = nn.Sequential(getattr(nn, name)(*arguments))
    with pytest.raises(mg.onnx.OnnxExporterError, match="lazy layers without parameters\n  hint: call it once before"):
        mg.onnx.export(net, mg.tensor(floats(*shape)))
    net(mg.tensor(floats(*shape)))
    agrees(net, [floats(*shape)], BATCH)


def test_float64_networks():
    net = nn.Sequential(nn.Linear(6, 4), nn.LayerNorm(4), nn.Tanh(), nn.Linear(4, 3), nn.Softmax(-1)).double()
    file = agrees(net, [floats(2, 6).astype(np.float64)], BATCH, tolerance=1e-12)
    assert file.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.DOUBLE
