"""What layers add to their functions, by definition and without PyTorch: options, axes, sizes, and in place or not."""

import warnings

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


P, Q = (mg.tensor(np.random.default_rng(i).uniform(0.1, 0.9, (4, 3))) for i in (1, 2))
SIGNS, LABELS, W = mg.tensor([1.0, -1.0, 1.0, -1.0]), mg.tensor([0, 2, 1, 2]), mg.tensor([0.5, 1.0, 2.0])
PAIRS = (P.sum(1), Q.sum(1), SIGNS)
LOSSES = [
    (nn.CrossEntropyLoss, F.cross_entropy, (P, LABELS), {"weight": W, "ignore_index": 1, "label_smoothing": 0.1}),
    (nn.NLLLoss, F.nll_loss, (P.log(), LABELS), {"weight": W, "ignore_index": 1}),
    (nn.MSELoss, F.mse_loss, (P, Q), {}),
    (nn.L1Loss, F.l1_loss, (P, Q), {}),
    (nn.SmoothL1Loss, F.smooth_l1_loss, (P, Q), {"beta": 0.2}),
    (nn.HuberLoss, F.huber_loss, (P, Q), {"delta": 0.2}),
    (nn.BCELoss, F.binary_cross_entropy, (P, Q), {"weight": W}),
    (nn.BCEWithLogitsLoss, F.binary_cross_entropy_with_logits, (P, Q), {"weight": W, "pos_weight": W * 2}),
    (nn.KLDivLoss, F.kl_div, (P.log(), Q.log()), {"log_target": True}),
    (nn.PoissonNLLLoss, F.poisson_nll_loss, (P, Q * 3), {"log_input": False, "full": True, "eps": 0.1}),
    (nn.GaussianNLLLoss, F.gaussian_nll_loss, (P, Q, Q), {"full": True, "eps": 0.4}),
    (nn.HingeEmbeddingLoss, F.hinge_embedding_loss, (P.sum(1), SIGNS), {"margin": 2.0}),
    (nn.SoftMarginLoss, F.soft_margin_loss, (P.sum(1), SIGNS), {}),
    (nn.MarginRankingLoss, F.margin_ranking_loss, PAIRS, {"margin": 0.5}),
    (nn.CosineEmbeddingLoss, F.cosine_embedding_loss, (P, Q, SIGNS), {"margin": 0.5}),
    (nn.TripletMarginLoss, F.triplet_margin_loss, (P, Q, Q.flip(0)), {"margin": 2.0, "p": 3.0, "eps": 0.1, "swap": True}),
    (nn.TripletMarginWithDistanceLoss, F.triplet_margin_with_distance_loss, (P, Q, Q.flip(0)),
     {"distance_function": lambda x, y: (x - y).abs().sum(-1), "margin": 2.0, "swap": True}),
    (nn.MultiMarginLoss, F.multi_margin_loss, (P, LABELS), {"p": 2, "margin": 0.5, "weight": W}),
    (nn.MultiLabelMarginLoss, F.multilabel_margin_loss, (P, mg.tensor([[0, -1, 1], [2, 1, -1], [0, 1, 2], [1, -1, 0]])), {}),
    (nn.MultiLabelSoftMarginLoss, F.multilabel_soft_margin_loss, (P, (Q > 0.5).double()), {"weight": W}),
]  # fmt: skip


@pytest.mark.parametrize("kind, function, args, options", LOSSES, ids=lambda v: getattr(v, "__name__", None))
def test_a_loss_is_its_function_with_its_options(kind, function, args, options):
    each = kind(**options, reduction="none")(*args)
    for reduction in ("none", "sum", "mean"):
        found = kind(**options, reduction=reduction)(*args).numpy()
        np.testing.assert_array_equal(found, function(*args, **options, reduction=reduction).numpy())
    np.testing.assert_allclose(kind(**options, reduction="sum")(*args).numpy(), each.sum().numpy())
    for name in options:  # each of them matters
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a logarithm of a logarithm
            other = kind(**{k: v for k, v in options.items() if k != name}, reduction="none")(*args)
        assert other.tolist() != each.tolist(), name
    with pytest.raises(ValueError, match=f"{kind.__name__}: reduction must be"):
        kind(reduction="average")


def test_a_ctc_loss_is_its_function_with_its_options():
    logits = mg.tensor(np.random.default_rng(0).standard_normal((5, 2, 4))).log_softmax(-1)
    args = (
        logits,
        mg.tensor([[0, 1], [1, 1]]),
        mg.tensor([5, 2]),
        mg.tensor([2, 2]),
    )  # the second does not fit into 2 steps
    found = nn.CTCLoss(blank=3, reduction="none", zero_infinity=True)(*args)
    assert found.tolist() == F.ctc_loss(*args, blank=3, reduction="none", zero_infinity=True).tolist()
    assert found[1].item() == 0 and np.isinf(nn.CTCLoss(blank=3, reduction="none")(*args)[1].item())
    assert nn.CTCLoss(blank=2, reduction="none", zero_infinity=True)(*args)[0].item() != found[0].item()


def test_distances_are_their_functions_with_their_options():
    np.testing.assert_array_equal(nn.CosineSimilarity(0, 2.0)(P, Q).numpy(), F.cosine_similarity(P, Q, 0, 2.0).numpy())
    assert nn.CosineSimilarity(0)(P, Q).tolist() != nn.CosineSimilarity(0, 2.0)(P, Q).tolist()
    layer = nn.PairwiseDistance(3.0, 0.1, keepdim=True)
    np.testing.assert_array_equal(layer(P, Q).numpy(), F.pairwise_distance(P, Q, 3.0, 0.1, True).numpy())
    assert layer(P, Q).shape == (4, 1) and nn.PairwiseDistance(3.0)(P, Q).tolist() != layer(P, Q)[:, 0].tolist()


def test_the_reductions_that_pytorch_once_had():
    with pytest.warns(UserWarning, match="reduction="):
        assert nn.MSELoss(reduce=False)(P, Q).shape == (4, 3)
    with pytest.warns(UserWarning, match="reduction="):
        assert nn.MSELoss(size_average=False)(P, Q).item() == pytest.approx(((P - Q) ** 2).sum().item())
    assert nn.KLDivLoss(reduction="batchmean")(P.log(), Q).item() == pytest.approx(
        F.kl_div(P.log(), Q, reduction="sum").item() / 4
    )


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_a_recurrent_layer_reads_batches_and_both_ways(kind):
    layer, x = kind(3, 4, num_layers=2, bidirectional=True), mg.randn(5, 2, 3)
    first = kind(3, 4, num_layers=2, bidirectional=True, batch_first=True)
    first.load_state_dict(layer.state_dict())
    (out, h), (other, k) = layer(x), first(x.transpose(0, 1))
    assert out.shape == (5, 2, 8)
    np.testing.assert_array_equal(other.transpose(0, 1).detach().numpy(), out.detach().numpy())
    alone, g = layer(x[:, 1])
    np.testing.assert_allclose(alone.detach().numpy(), out[:, 1].detach().numpy(), atol=1e-6)
    last, mine, own = (state[0] if kind is nn.LSTM else state for state in (h, k, g))
    assert (last.shape, mine.shape, own.shape) == ((4, 2, 4), (4, 2, 4), (4, 4))
    np.testing.assert_array_equal(last.detach().numpy(), mine.detach().numpy())
    np.testing.assert_array_equal(last[2].detach().numpy(), out[-1, :, :4].detach().numpy())  # forward ends last
    np.testing.assert_array_equal(last[3].detach().numpy(), out[0, :, 4:].detach().numpy())  # backward ends first

    single, backward = kind(3, 4, bidirectional=True), kind(3, 4)
    state = {name: p for name, p in single.state_dict().items() if name.endswith("_reverse")}
    backward.load_state_dict({name.removesuffix("_reverse"): p for name, p in state.items()})
    expected = backward(x.flip(0))[0].flip(0)
    np.testing.assert_allclose(single(x)[0][..., 4:].detach().numpy(), expected.detach().numpy(), atol=1e-6)


def test_a_recurrent_layer_shows_what_differs_from_the_defaults():
    assert repr(nn.LSTM(3, 4)) == "LSTM(3, 4)"
    assert repr(nn.GRU(3, 4, 2, bias=False, batch_first=True, dropout=0.5, bidirectional=True)) == (
        "GRU(3, 4, num_layers=2, bias=False, batch_first=True, dropout=0.5, bidirectional=True)"
    )
    assert repr(nn.LSTM(3, 4, proj_size=2)) == "LSTM(3, 4, proj_size=2)"


def test_normalizing_layers_begin_as_the_identity():
    for layer in (
        nn.BatchNorm1d(3),
        nn.LayerNorm(3),
        nn.LayerNorm((3,)),
        nn.GroupNorm(1, 3),
        nn.InstanceNorm1d(3, affine=True),
    ):
        assert layer.weight.tolist() == [1.0] * 3 and layer.bias.tolist() == [0.0] * 3, layer
    assert nn.RMSNorm(3).weight.tolist() == [1.0] * 3 and nn.LayerNorm(3, bias=False).bias is None
    layer = nn.BatchNorm1d(3)
    assert layer.running_mean.tolist() == [0.0] * 3 and layer.running_var.tolist() == [1.0] * 3
    layer(mg.rand(5, 3) + 7)
    assert layer.num_batches_tracked.item() == 1 and layer.running_mean.min().item() > 0.5
    layer.reset_running_stats()
    assert (layer.running_mean.tolist(), layer.running_var.tolist()) == ([0.0] * 3, [1.0] * 3)
    assert layer.num_batches_tracked.item() == 0


POOLS = [
    (nn.MaxPool1d(3, 2, 1, ceil_mode=True), lambda x: F.max_pool1d(x, 3, 2, 1, ceil_mode=True)),
    (nn.MaxPool1d(2, dilation=2), lambda x: F.max_pool1d(x, 2, dilation=2)),
    (nn.AvgPool1d(3, 2, 1, True, False), lambda x: F.avg_pool1d(x, 3, 2, 1, True, False)),
    (nn.LPPool1d(2.0, 3, 2, True), lambda x: F.lp_pool1d(x, 2.0, 3, 2, True)),
    (nn.AdaptiveAvgPool1d(3), lambda x: F.adaptive_avg_pool1d(x, 3)),
    (nn.AdaptiveMaxPool1d(3), lambda x: F.adaptive_max_pool1d(x, 3)),
    (nn.ReflectionPad1d((1, 2)), lambda x: F.pad(x, (1, 2), "reflect")),
    (nn.ReplicationPad1d((1, 2)), lambda x: F.pad(x, (1, 2), "replicate")),
    (nn.CircularPad1d((1, 2)), lambda x: F.pad(x, (1, 2), "circular")),
    (nn.ZeroPad1d((1, 2)), lambda x: F.pad(x, (1, 2))),
    (nn.ConstantPad1d((1, 2), 7.0), lambda x: F.pad(x, (1, 2), value=7.0)),
]


@pytest.mark.parametrize("layer, function", POOLS, ids=lambda v: type(v).__name__)
def test_a_layer_of_windows_or_borders_is_its_function(layer, function):
    x = mg.rand(2, 3, 8)
    np.testing.assert_array_equal(layer(x).numpy(), function(x).numpy())


def test_unpooling_puts_values_back_where_they_came_from():
    x = mg.rand(1, 2, 7)
    values, indices = nn.MaxPool1d(2, return_indices=True)(x)
    back = nn.MaxUnpool1d(2)(values, indices, output_size=(7,)).numpy()
    assert back.shape == x.shape and (back[back != 0] == x.numpy()[back != 0]).all() and (back != 0).sum() == 6
    assert nn.MaxUnpool1d(2)(values, indices).shape == (1, 2, 6)


@pytest.mark.parametrize("options", [{"nonlinearity": "relu"}, {"nonlinearity": "tanh"}])
@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_gradients_that_are_recorded_are_those_that_are_not(kind, options):
    """What is recorded is computed step by step, the rest by one loop over arrays; both ways through the sequence."""
    layer = kind(3, 4, bidirectional=True, **options if kind is nn.RNN else {}).double()
    x = mg.tensor(np.random.default_rng(0).standard_normal((5, 2, 3)), requires_grad=True)
    inputs = [x, *layer.parameters()]
    g = mg.tensor(np.random.default_rng(1).standard_normal((5, 2, 8)))
    plain = mg.autograd.grad((layer(x)[0] * g).sum(), inputs)
    recorded = mg.autograd.grad((layer(x)[0] * g).sum(), inputs, create_graph=True)
    for a, b in zip(plain, recorded, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-9, atol=1e-12)
    assert len({a.detach().numpy().tobytes() for a in plain}) > 2


def test_bilinear_has_a_bias_unless_it_is_told():
    layer = nn.Bilinear(2, 3, 4, bias=False)
    x, y = mg.rand(5, 2), mg.rand(5, 3)
    expected = np.einsum("ni,oij,nj->no", x.numpy(), layer.weight.detach().numpy(), y.numpy())
    assert layer.bias is None and nn.Bilinear(2, 3, 4).bias.shape == (4,)
    np.testing.assert_allclose(layer(x, y).detach().numpy(), expected, rtol=1e-5, atol=1e-6)


def test_arrays_are_never_changed_in_place():
    x = np.array([-1.0, 2.0])
    assert F.relu(x, inplace=True).tolist() == [0.0, 2.0] and x.tolist() == [-1.0, 2.0]


def test_buffers_of_a_module_alone():
    net = nn.Sequential(nn.BatchNorm1d(2))
    net.register_buffer("own", mg.ones(1))
    assert [b.tolist() for b in net.buffers(recurse=False)] == [[1.0]] and len(list(net.buffers())) == 4
    net.own = mg.zeros(1)
    assert [b.tolist() for b in net.buffers(recurse=False)] == [[0.0]]
    with pytest.raises(TypeError, match=r"Sequential\.own is a buffer; it cannot become a str"):
        net.own = "zero"


def test_the_weight_of_a_loss_of_the_users_own_is_a_buffer():
    loss = nn.modules.loss._WeightedLoss(W)
    assert [name for name, _ in loss.named_buffers()] == ["weight"] and loss.weight is W
    kind = nn.modules.loss._WeightedLoss
    assert [kind(reduce=False).reduction, kind(size_average=False).reduction, kind(reduce=True).reduction] == [
        "none",
        "sum",
        "mean",
    ]


def test_a_cumulative_average_of_batches():
    layer, batches = nn.BatchNorm1d(1, momentum=None), [mg.tensor([[1.0], [3.0]]), mg.tensor([[5.0], [9.0]])]
    for x in batches:
        layer(x)
    assert layer.running_mean.item() == pytest.approx((2 + 7) / 2) and layer.running_var.item() == pytest.approx((2 + 8) / 2)
    layer.eval()(batches[0])
    assert layer.running_mean.item() == pytest.approx(4.5) and layer.num_batches_tracked.item() == 2


@pytest.mark.parametrize(
    "mode, good, bad",
    [
        ("reflect", [(2, 1), (0, 2), (2, 2), (-1, 2)], [(3, 0), (0, 3), (1, 3)]),
        ("circular", [(3, 0), (0, 3), (3, 3), (-1, 2)], [(4, 0), (1, 4), (-1, 3)]),
        ("replicate", [(9, 0), (0, 9)], [(-4, 0)]),
        ("constant", [(9, 9), (-1, -2)], [(-2, -2)]),
    ],
)
def test_how_far_a_border_of_three_elements_reaches(mode, good, bad):
    x = mg.tensor([[1.0, 2.0, 3.0]])
    for widths in good:
        assert F.pad(x, widths, mode).shape == (1, 3 + sum(widths))
    for widths in bad:
        with pytest.raises(ValueError, match="pad: "):
            F.pad(x, widths, mode)
    assert F.pad(mg.zeros(1, 0), (0, 0), mode).shape == (1, 0)
    if mode == "reflect":
        with pytest.raises(ValueError, match="less than 0"):
            F.pad(mg.zeros(1, 0), (1, 0), mode)
