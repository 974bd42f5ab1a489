"""`reset_parameters`: every layer with parameters can draw its initial values again, and does so when it is made."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn

LAYERS = {
    "Linear": (3, 4), "Conv1d": (2, 3, 3), "Conv2d": (2, 4, 3, 1, 1, 1, 2), "Conv3d": (2, 3, 3),
    "ConvTranspose1d": (2, 3, 3), "ConvTranspose2d": (2, 4, 3), "ConvTranspose3d": (2, 3, 3), "BatchNorm1d": (3,),
    "BatchNorm2d": (3,), "BatchNorm3d": (3,), "SyncBatchNorm": (3,),
    "InstanceNorm1d": (3, 1e-5, 0.1, True, True), "InstanceNorm2d": (3, 1e-5, 0.1, True), "InstanceNorm3d": (3,),
    "LayerNorm": (3,), "RMSNorm": (3,), "GroupNorm": (1, 3), "Embedding": (5, 3, 2), "EmbeddingBag": (5, 3),
    "PReLU": (3, 0.4), "RNN": (2, 3, 2), "Bilinear": (2, 3, 4), "LSTM": (2, 3), "GRU": (2, 3, 1, False), "RNNCell": (2, 3),
    "LSTMCell": (2, 3), "GRUCell": (2, 3),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_as_new(name):
    layer = getattr(nn, name)(*LAYERS[name])
    new = {key: t.numpy().copy() for key, t in layer.state_dict().items()}
    for t in [*layer.parameters(), *layer.buffers()]:
        t.data.fill_(7)
    mg.manual_seed(0)
    layer.reset_parameters()
    mg.manual_seed(0)
    same = getattr(nn, name)(*LAYERS[name]).state_dict()
    for key, t in layer.state_dict().items():
        np.testing.assert_array_equal(t.numpy(), same[key].numpy())
        assert not (t.numpy() == 7).any() and np.abs(t.numpy()).max(initial=0) <= 2 * np.abs(new[key]).max(initial=0) + 2
    assert all(p.requires_grad for p in layer.parameters())


def test_attention_and_transformer():
    for layer in (nn.MultiheadAttention(4, 2, add_bias_kv=True), nn.MultiheadAttention(4, 2, kdim=3, bias=False)):
        drawn = {key: t.numpy().copy() for key, t in layer.state_dict().items() if key != "out_proj.weight"}
        for t in layer.parameters():
            t.data.fill_(7)
        layer._reset_parameters()
        for key, former in drawn.items():
            now = layer.state_dict()[key].numpy()
            assert np.abs(now).max() <= 2 * np.abs(former).max() + (2 if "bias_" in key else 0)
    net = nn.Transformer(4, 2, 1, 1, 8)
    for t in net.parameters():
        t.data.fill_(7)
    net._reset_parameters()
    assert all((t.numpy() == 7).all() == (t.ndim == 1) for t in net.state_dict().values())


def test_a_subclass_decides_the_initial_values():
    class Ones(nn.Linear):
        def reset_parameters(self):
            nn.init.ones_(self.weight)

    assert (Ones(2, 3).weight == 1).all()


def test_every_layer_of_pytorch_that_has_it():
    torch = pytest.importorskip("torch")
    for name, theirs in vars(torch.nn).items():
        ours = getattr(nn, name, None)
        if isinstance(theirs, type) and isinstance(ours, type):
            for method in ("reset_parameters", "_reset_parameters", "reset_running_stats"):
                assert hasattr(ours, method) or not hasattr(theirs, method), (name, method)
                if (
                    hasattr(theirs, method)
                    and method == "reset_parameters"
                    and not name.startswith(("Lazy", "RNNBase", "RNNCellBase"))
                ):
                    assert name in LAYERS, f"{name}: needs a row"


def test_recurrent_layers_name_their_weights():
    """The loop over PyTorch's private list with which tutorials set the weights of a recurrent layer."""
    layer = nn.GRU(3, 2, num_layers=2)
    for name in layer._flat_weights_names:
        if "weight" in name:
            nn.init.ones_(layer._parameters[name])
    assert layer._flat_weights_names == [name for name, _ in layer.named_parameters()]
    assert all((p == 1).all() for name, p in layer.named_parameters() if "weight" in name)
