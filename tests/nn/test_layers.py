"""Layers: what they hold, what they compute, and the values they start with."""

import math

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.errors import ShapeError


def test_layers_call_their_functions():
    x = mg.randn(2, 3, 8, 6)
    conv = nn.Conv2d(3, 5, (3, 2), stride=(2, 1), padding=1, dilation=(1, 2))
    assert (conv(x) == F.conv2d(x, conv.weight, conv.bias, (2, 1), 1, (1, 2))).all()
    assert (nn.MaxPool2d(2, 1)(x) == F.max_pool2d(x, 2, 1)).all()
    assert (nn.AvgPool2d(3, padding=1)(x) == F.avg_pool2d(x, 3, 3, 1)).all()
    for layer, function in [(nn.ReLU(), F.relu), (nn.Sigmoid(), F.sigmoid), (nn.Tanh(), F.tanh)]:
        assert (layer(x) == function(x)).all()
    assert nn.Flatten()(x).shape == (2, 144) and nn.Flatten(0, 1)(x).shape == (6, 8, 6)
    t = mg.tensor([1, 0])
    scores = mg.randn(2, 4)
    assert nn.CrossEntropyLoss(label_smoothing=0.1)(scores, t) == F.cross_entropy(scores, t, label_smoothing=0.1)
    assert nn.MSELoss(reduction="sum")(scores, scores * 2) == F.mse_loss(scores, scores * 2, reduction="sum")


def test_parameters_have_pytorchs_shapes_and_bounds():
    mg.manual_seed(0)
    linear, conv = nn.Linear(100, 50), nn.Conv2d(4, 7, (3, 5), bias=False)
    assert linear.weight.shape == (50, 100) and linear.bias.shape == (50,) and linear.weight.dtype == np.float32
    assert conv.weight.shape == (7, 4, 3, 5) and conv.bias is None
    for weight, fan_in in [(linear.weight, 100), (conv.weight, 60)]:
        largest = float(np.abs(weight.detach().numpy()).max())
        assert 0.9 / math.sqrt(fan_in) < largest <= 1 / math.sqrt(fan_in)


@pytest.mark.parametrize(
    "make, error, says",
    [
        (lambda: nn.Linear(0, 3), ShapeError, "in_features must be at least 1, got 0"),
        (lambda: nn.Linear(3, 2.5), TypeError, "out_features must be an int, got 2.5"),
        (lambda: nn.Linear(3, True), TypeError, "out_features must be an int, got True"),
        (lambda: nn.Conv2d(1, 2, "3"), TypeError, "kernel_size"),
        (lambda: nn.Conv2d(1, 2, 3, stride=(1, 2, 3)), ValueError, "pair"),
        (lambda: nn.Conv2d(1, 2, 3, padding=-1), ValueError, "padding must be at least 0"),
        (lambda: nn.Dropout(1.5), ValueError, r"p must be within \[0, 1\], got 1.5"),
        (lambda: nn.Conv2d(4, 6, 3, groups=4), ShapeError, "groups=4 must divide the channels, 4 and 6"),
        (lambda: nn.Conv2d(1, 1, 3, padding_mode="mirror"), ValueError, "must be zeros or reflect .* got 'mirror'"),
        (lambda: nn.ConvTranspose2d(1, 1, 3, padding_mode="reflect"), ValueError, "must be zeros, got 'reflect'"),
        (lambda: nn.Conv2d(1, 1, 3, padding="full"), ValueError, 'padding must be "valid", "same" or numbers, got \'full\''),
        (lambda: nn.ConvTranspose2d(1, 1, 3, padding="same"), TypeError, "padding must be numbers, got 'same'"),
        (lambda: nn.GroupNorm(3, 4), ShapeError, "4 channels do not divide into 3 groups"),
    ],
)
def test_layers_refuse_impossible_options(make, error, says):
    with pytest.raises(error, match=says):
        make()


def test_batch_norm_refuses_what_it_would_count_wrongly():
    layer = nn.BatchNorm2d(3)
    with pytest.raises(ShapeError, match=r"BatchNorm2d: input must be \(N, C, H, W\), got shape \(2, 3\)"):
        layer(mg.ones(2, 3))
    with pytest.raises(ShapeError, match=r"running_mean must be \(4,\) = \(C,\), got shape \(3,\)\n  in BatchNorm2d"):
        layer(mg.ones(2, 4, 2, 2))
    with pytest.raises(ShapeError, match="InstanceNorm2d: input must have 3 channels, got shape"):
        nn.InstanceNorm2d(3, affine=True)(mg.ones(2, 4, 2, 2))
    assert layer.num_batches_tracked.item() == 0 and layer.running_mean.tolist() == [0, 0, 0]


def test_exact_rounding_belongs_to_the_layer():
    with pytest.raises(ShapeError, match="is not an integer"):
        nn.Conv2d(1, 1, 2, stride=2, rounding="exact")(mg.ones(1, 1, 5, 5))
    assert nn.Conv2d(1, 1, 2, stride=2)(mg.ones(1, 1, 5, 5)).shape == (1, 1, 2, 2)


def test_dropout_draws_from_its_generator():
    a, b = (nn.Dropout(0.5, generator=np.random.default_rng(3)) for _ in range(2))
    x = mg.ones(20)
    assert (a(x) == b(x)).all() and not (a(x) == x).all()


@pytest.mark.parametrize(
    "fill, mean, std",
    [
        (lambda w, g: nn.init.normal_(w, 1.0, 0.1, generator=g), 1.0, 0.1),
        (lambda w, g: nn.init.uniform_(w, -1, 3, generator=g), 1.0, 4 / math.sqrt(12)),
        (lambda w, g: nn.init.xavier_normal_(w, 2.0, generator=g), 0.0, 2 * math.sqrt(2 / (200 + 300))),
        (lambda w, g: nn.init.xavier_uniform_(w, generator=g), 0.0, math.sqrt(2 / (200 + 300))),
        (lambda w, g: nn.init.kaiming_normal_(w, nonlinearity="relu", generator=g), 0.0, math.sqrt(2 / 200)),
        (lambda w, g: nn.init.kaiming_uniform_(w, a=1.0, mode="fan_out", generator=g), 0.0, math.sqrt(1 / 300)),
        (lambda w, g: nn.init.constant_(w, 7), 7.0, 0.0),
    ],
)
def test_initialisers_have_the_spread_of_their_papers(fill, mean, std):
    weight = nn.Parameter(np.zeros((300, 200), np.float32))
    assert fill(weight, np.random.default_rng(0)) is weight and weight.dtype == np.float32
    values = weight.detach().numpy()
    assert abs(values.mean() - mean) < 0.02 * max(1, std) and abs(values.std() - std) <= 0.01 * std


def test_initialisers_repeat_with_their_generator_and_the_seed():
    def drawn(**options):
        return nn.init.normal_(nn.Parameter(np.zeros((3, 2))), **options).tolist()

    assert drawn(generator=np.random.default_rng(1)) == drawn(generator=np.random.default_rng(1))
    mg.manual_seed(4)
    first = drawn()
    assert drawn() != first
    mg.manual_seed(4)
    assert drawn() == first


def test_what_initialisers_refuse():
    with pytest.raises(ShapeError, match="at least two axes"):
        nn.init.xavier_normal_(nn.Parameter(np.zeros(3)))
    with pytest.raises(ValueError, match="fan_in"):
        nn.init.kaiming_normal_(nn.Parameter(np.zeros((3, 3))), mode="fan")
    with pytest.raises(ValueError, match="nonlinearity"):
        nn.init.calculate_gain("softmax")
    assert nn.init.ones_(nn.Parameter(np.zeros(3))).tolist() == [1, 1, 1]


def test_pad_counts_from_the_last_axis_and_refuses_half_a_pair():
    assert F.pad(mg.ones(2, 3, 4), (1, 2, 0, 3)).shape == (2, 6, 7)
    with pytest.raises(ValueError, match="before, after"):
        F.pad(mg.ones(2), (1, 2, 3))


def test_one_number_in_a_tuple_counts_for_every_axis():
    x, w = mg.rand(1, 1, 6, 6), mg.rand(1, 1, 3, 3)
    assert mg.equal(F.conv2d(x, w, stride=[2], padding=(1,)), F.conv2d(x, w, stride=2, padding=1))
    assert mg.equal(F.max_pool2d(x, (3,), stride=[2]), F.max_pool2d(x, 3, stride=2))
    assert nn.Conv2d(1, 1, (3,), stride=[2]).stride == (2, 2)


def test_integer_tensors_of_one_element_count_as_ints():
    """As a U-Net computes its padding, and classes are counted by ``y.max() + 1``."""
    x, two, last = mg.rand(1, 1, 4, 4), mg.tensor(2), mg.tensor([2])
    assert mg.equal(F.pad(x, [last, last // 2]), F.pad(x, (2, 1))) and F.interpolate(x, size=(two, last)).shape == (
        1,
        1,
        2,
        2,
    )
    assert mg.equal(F.max_pool2d(x, two), F.max_pool2d(x, 2)) and F.pixel_unshuffle(x, two).shape == (1, 4, 2, 2)
    assert F.one_hot(mg.tensor([0, 1]), mg.tensor([0, 1]).max() + 1).tolist() == [[1, 0], [0, 1]]
    assert nn.Embedding(two, 3).weight.shape == (2, 3)
    with pytest.raises(TypeError, match="widths must be integers"):
        F.pad(x, [mg.tensor(1.0), 1])
