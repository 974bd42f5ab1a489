"""Details of layers and of what modifies them, which only a changed line showed to be untested."""

import numpy as np

import minigrad as mg
from minigrad import nn
from minigrad.nn.modes import evaluating


def test_evaluating_is_evaluation_mode():
    net = nn.Sequential(nn.Dropout(0.5)).train()
    with evaluating(net):
        assert not net.training and not net[0].training and (net(mg.ones(100)).numpy() == 1).all()
    assert net.training and net[0].training


def test_floats_among_integers_take_the_dtype_of_the_module():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(mg.ones(1))

        def forward(self, pair):
            return [x.dtype for x in pair]

    assert Pair()((np.arange(2), np.ones(2))) == [np.int64, np.float32]


def test_what_a_summary_counts():
    class Product(nn.Module):
        def forward(self, x, y):
            return x @ y

    found = nn.summary(Product(), mg.ones(2, 3), mg.ones(3, 5))
    assert found.macs == 2 * 5 * 3
    lines = repr(nn.summary(nn.Sequential(nn.Linear(3, 2)))).splitlines()
    assert lines[0].split() == ["parameters"] and lines[2].split() == ["0", "Linear", "8"]
    net = nn.Linear(30, 20, bias=False)  # its weight is saved for the gradient of the input, and is there anyway
    assert nn.summary(net, mg.ones(4, 30, requires_grad=True)).saved_bytes < net.weight.array.nbytes


def test_a_cumulative_average_of_nothing_tracked():
    x = mg.rand(5, 1)
    found = nn.BatchNorm1d(1, momentum=None, track_running_stats=False)(x)
    np.testing.assert_allclose(found.detach().numpy(), nn.BatchNorm1d(1)(x).detach().numpy(), rtol=1e-6)


def test_one_example_is_a_batch_of_one():
    x = mg.rand(3, 8)
    layer = nn.InstanceNorm1d(3)
    np.testing.assert_array_equal(layer(x).numpy(), layer(x[None])[0].numpy())


def test_a_stack_without_a_last_norm():
    layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0)
    stack, normed = nn.TransformerEncoder(layer, 2), nn.TransformerEncoder(layer, 2, nn.LayerNorm(4))
    x = mg.rand(3, 1, 4)
    plain = stack(x)
    np.testing.assert_allclose(stack.layers[1](stack.layers[0](x)).detach().numpy(), plain.detach().numpy(), atol=1e-6)
    np.testing.assert_allclose(normed(x).detach().numpy(), normed.norm(plain).detach().numpy(), atol=1e-6)


def test_a_norm_beyond_the_dtype_of_the_gradients():
    p = nn.Parameter(np.zeros(2, np.float32))
    p.grad = mg.tensor([3e30, 4e30])
    nn.utils.clip_grad_norm_(p, 1.0)
    np.testing.assert_allclose(p.grad.numpy(), [0.6, 0.8], rtol=1e-6)


def test_a_layer_has_several_normalized_weights():
    cell = nn.RNNCell(2, 3)
    for name in ("weight_ih", "weight_hh"):
        nn.utils.weight_norm(cell, name)
    nn.utils.remove_weight_norm(cell, "weight_hh")
    assert {name for name, _ in cell.named_parameters()} == {"weight_ih_g", "weight_ih_v", "weight_hh", "bias_ih", "bias_hh"}


def test_the_spectral_norm_of_a_vector_is_its_length():
    layer = nn.Linear(2, 2)
    layer.bias.data.copy_(mg.tensor([3.0, 4.0]))
    nn.utils.parametrizations.spectral_norm(layer, "bias")
    np.testing.assert_allclose(layer.bias.detach().numpy(), [0.6, 0.8], rtol=1e-6)


def test_names_and_types_of_what_is_not_yet():
    assert nn.utils.parametrize.type_before_parametrizations(nn.ReLU()) is nn.ReLU
    assert nn.UninitializedParameter(dtype=np.float64).dtype == np.float64
    keys = nn.Linear(1, 1).load_state_dict({"weight": mg.ones(1, 1), "more": mg.ones(1)}, strict=False)
    assert repr(keys) == "IncompatibleKeys(missing_keys=['bias'], unexpected_keys=['more'])"
