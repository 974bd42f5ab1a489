"""What layers add to their functions, by definition and without PyTorch: options, axes, sizes, and in place or not."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.errors import ShapeError

X = np.random.default_rng(3).standard_normal((4, 6)).astype(np.float32) * 3
ACTIVATIONS = [
    (nn.CELU, (0.5,), F.celu, {"alpha": 0.5}),
    (nn.ELU, (0.5,), F.elu, {"alpha": 0.5}),
    (nn.GELU, ("tanh",), F.gelu, {"approximate": "tanh"}),
    (nn.GLU, (0,), F.glu, {"dim": 0}),
    (nn.Hardshrink, (0.3,), F.hardshrink, {"lambd": 0.3}),
    (nn.Hardsigmoid, (), F.hardsigmoid, {}),
    (nn.Hardswish, (), F.hardswish, {}),
    (nn.Hardtanh, (-0.5, 0.7), F.hardtanh, {"min_val": -0.5, "max_val": 0.7}),
    (nn.LeakyReLU, (0.2,), F.leaky_relu, {"negative_slope": 0.2}),
    (nn.LogSigmoid, (), F.logsigmoid, {}),
    (nn.LogSoftmax, (0,), F.log_softmax, {"dim": 0}),
    (nn.Mish, (), F.mish, {}),
    (nn.ReLU, (), F.relu, {}),
    (nn.ReLU6, (), F.relu6, {}),
    (nn.SELU, (), F.selu, {}),
    (nn.Sigmoid, (), F.sigmoid, {}),
    (nn.SiLU, (), F.silu, {}),
    (nn.Softmax, (0,), F.softmax, {"dim": 0}),
    (nn.Softmin, (0,), F.softmin, {"dim": 0}),
    (nn.Softplus, (2.0, 3.0), F.softplus, {"beta": 2.0, "threshold": 3.0}),
    (nn.Softshrink, (0.3,), F.softshrink, {"lambd": 0.3}),
    (nn.Softsign, (), F.softsign, {}),
    (nn.Tanh, (), F.tanh, {}),
    (nn.Tanhshrink, (), F.tanhshrink, {}),
    (nn.Threshold, (0.1, 7.0), F.threshold, {"threshold": 0.1, "value": 7.0}),
]
IN_PLACE = (nn.CELU, nn.ELU, nn.Hardtanh, nn.LeakyReLU, nn.ReLU, nn.ReLU6, nn.SELU, nn.SiLU, nn.Threshold)


@pytest.mark.parametrize("kind, args, function, options", ACTIVATIONS, ids=lambda v: getattr(v, "__name__", None))
def test_an_activation_is_its_function_with_its_options(kind, args, function, options):
    x = mg.tensor(X)
    expected = function(x, **options).numpy()
    np.testing.assert_array_equal(kind(*args)(x).numpy(), expected)
    assert (x.numpy() == X).all() and "inplace" not in repr(kind(*args))
    if kind in IN_PLACE:
        layer = kind(*args, inplace=True)
        assert layer(x) is x and (x.numpy() == expected).all() and "inplace=True" in repr(layer)


def test_rrelu_draws_slopes_within_its_bounds():
    layer, x = nn.RReLU(0.2, 0.6), mg.full((1000,), -1.0)
    slopes = -layer(x).numpy()
    assert 0.2 <= slopes.min() < 0.21 and 0.59 < slopes.max() <= 0.6
    assert layer.eval()(x).tolist()[:2] == pytest.approx([-0.4, -0.4]) and (x.numpy() == -1).all()
    inplace = nn.RReLU(0.2, 0.6, inplace=True)
    assert inplace(x) is x and (x.numpy() > -1).all()


def test_the_axis_of_a_softmax():
    x = mg.tensor(X)
    np.testing.assert_array_equal(nn.Softmax()(x).numpy(), F.softmax(x, 1).numpy())
    np.testing.assert_array_equal(nn.Softmax()(x[0]).numpy(), F.softmax(x[0], 0).numpy())
    np.testing.assert_array_equal(nn.Softmax(0)(x).numpy(), F.softmax(x, 0).numpy())
    with pytest.raises(ValueError, match="Softmax: dim must be given for an input of 3 axes"):
        nn.Softmax()(mg.zeros(1, 2, 3))
    for shape in [(3, 2, 4), (5, 3, 2, 4)]:
        assert nn.Softmax2d()(mg.rand(*shape)).sum(-3).numpy() == pytest.approx(1.0)
    for shape in [(3, 2), (1, 5, 3, 2, 4)]:
        with pytest.raises(ShapeError, match="Softmax2d: input must be"):
            nn.Softmax2d()(mg.zeros(*shape))


def test_prelu_has_the_weights_it_is_told():
    layer = nn.PReLU(3, 0.5)
    assert layer.weight.tolist() == [0.5] * 3 and repr(layer) == "PReLU(num_parameters=3)"
    layer.weight.data.fill_(2.0)
    layer.reset_parameters()
    assert layer(mg.full((1, 3), -2.0)).tolist() == [[-1.0] * 3]
    for wrong in (0, 2.5):
        with pytest.raises((TypeError, ValueError), match="PReLU: num_parameters"):
            nn.PReLU(wrong)


def test_attention_has_the_parameters_it_needs():
    layer = nn.MultiheadAttention(4, 2)
    assert {name: tuple(p.shape) for name, p in layer.named_parameters()} == {
        "in_proj_weight": (12, 4), "in_proj_bias": (12,), "out_proj.weight": (4, 4), "out_proj.bias": (4,),
    }  # fmt: skip
    assert not layer.in_proj_bias.any() and not layer.out_proj.bias.any()
    layer = nn.MultiheadAttention(4, 2, bias=False, add_bias_kv=True, kdim=3, vdim=4)
    assert {name: tuple(p.shape) for name, p in layer.named_parameters()} == {
        "q_proj_weight": (4, 4), "k_proj_weight": (4, 3), "v_proj_weight": (4, 4),
        "bias_k": (1, 1, 4), "bias_v": (1, 1, 4), "out_proj.weight": (4, 4),
    }  # fmt: skip
    assert nn.MultiheadAttention(4, 2, vdim=3).in_proj_weight is None


def test_attention_with_the_batch_first_or_second():
    first, second = nn.MultiheadAttention(4, 2, batch_first=True), nn.MultiheadAttention(4, 2)
    second.load_state_dict(first.state_dict())
    q, k = mg.randn(3, 5, 4), mg.randn(3, 6, 4)
    (a, w), (b, v) = first(q, k, k), second(*(x.transpose(0, 1) for x in (q, k, k)))
    assert a.shape == (3, 5, 4) and w.shape == (3, 5, 6)
    np.testing.assert_allclose(a.detach().numpy(), b.transpose(0, 1).detach().numpy(), atol=1e-6)
    np.testing.assert_allclose(w.detach().numpy(), v.detach().numpy(), atol=1e-6)
    alone = first(q[0], k[0], k[0])[0]
    np.testing.assert_allclose(alone.detach().numpy(), a[0].detach().numpy(), atol=1e-6)


def test_causal_attention_sees_nothing_later():
    layer, x = nn.MultiheadAttention(4, 2), mg.randn(5, 3, 4)
    mask = mg.tensor(np.triu(np.ones((5, 5), bool), 1))
    _, weights = layer(x, x, x, attn_mask=mask, is_causal=True)
    assert (weights.detach().numpy()[:, mask.numpy()] == 0).all()
    np.testing.assert_allclose(weights.detach().numpy().sum(-1), 1, rtol=1e-6)


@pytest.mark.parametrize("padding_idx", [None, 0, -5, -1, 4])
def test_only_the_vector_of_the_padding_is_zero(padding_idx):
    layer = nn.Embedding(5, 3, padding_idx=padding_idx)
    zero = [i for i in range(5) if (layer.weight.detach().numpy()[i] == 0).all()]
    assert zero == ([] if padding_idx is None else [padding_idx % 5])
    assert repr(layer) == f"Embedding(5, 3{'' if padding_idx is None else f', padding_idx={padding_idx % 5}'})"
    index = mg.tensor([4, 0, 4])
    np.testing.assert_array_equal(layer(index).detach().numpy(), layer.weight.detach().numpy()[[4, 0, 4]])
    for wrong in (-6, 5):
        with pytest.raises(ValueError, match="padding_idx must be within the 5 indices"):
            nn.Embedding(5, 3, padding_idx=wrong)


def test_the_sizes_that_a_transposed_convolution_can_have():
    layer = nn.ConvTranspose2d(1, 1, (3, 2), stride=(3, 2), padding=(1, 0), dilation=(2, 1))
    least = [(4 - 1) * 3 - 2 * 1 + 2 * (3 - 1) + 1, (5 - 1) * 2 - 0 + (2 - 1) + 1]
    x = mg.ones(1, 1, 4, 5)
    assert layer(x).shape[2:] == tuple(least)
    for h in range(3):
        for w in range(2):
            assert layer(x, output_size=(least[0] + h, least[1] + w)).shape[2:] == (least[0] + h, least[1] + w)
    for h, w in [(-1, 0), (3, 0), (0, -1), (0, 2)]:
        with pytest.raises(ShapeError, match=r"output_size must be within \(12, 10\) and \(14, 11\)"):
            layer(x, output_size=(least[0] + h, least[1] + w))


def test_sequences_are_cut_and_repeated():
    a, b, c = nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 2)
    net = nn.Sequential(a, b, c)
    assert (
        list(net[1:]) == [b, c]
        and list(net[:1] * 2) == [a, a]
        and list(nn.Sequential(b) * np.int64(2)) == [b, b] == list(2 * nn.Sequential(b))
    )
    with pytest.raises(TypeError):
        net * 1.5
    del net[0]
    assert list(net._modules) == ["0", "1"]
    named = nn.Sequential({"0": a, "act": b, "2": c})
    del named["0"]
    assert list(named._modules) == ["act", "2"]
    values = nn.ParameterList([mg.ones(1), mg.zeros(2)])
    assert values.append(mg.ones(3)) is values and values.extend([]) is values
    values += [mg.ones(4)]
    assert [len(p) for p in values[1:3]] == [2, 3] and isinstance(values[1:3], nn.ParameterList) and len(values[-1]) == 4
    assert "(0-1): 2 x ReLU()" in repr(nn.ModuleList([b, nn.ReLU(), a]))


def test_hard_gumbel_softmax_is_one_at_the_largest():
    logits = mg.tensor(np.log([[0.7, 0.2, 0.1]] * 3000), requires_grad=True)
    hard = F.gumbel_softmax(logits, hard=True)
    assert sorted(set(hard.detach().numpy().ravel())) == [0, 1] and (hard.detach().numpy().sum(-1) == 1).all()
    np.testing.assert_allclose(hard.detach().numpy().mean(0), [0.7, 0.2, 0.1], atol=0.03)
    hard[:, 0].sum().backward()
    assert logits.grad is not None and abs(logits.grad.numpy()).min() > 0  # the gradient of the soft sample
