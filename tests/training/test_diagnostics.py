"""What commonly goes wrong is recognised by its mark, said once, and not said where all is well."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F
from minigrad.training import EarlyStopping, Epoch, Trainer, diagnostics

(X, T), (X_TEST, T_TEST) = mg.data.load_digits(flatten=False)
DATA = (X[:150], T[:150], X_TEST[:70], T_TEST[:70])


def epochs(losses, accs=None, val_losses=None, val_accs=None):
    nothing = dict.fromkeys(Epoch._fields, 0.0)
    columns = zip(losses, accs or losses, val_losses or losses, val_accs or losses, strict=True)
    return [
        Epoch(**nothing | {"epoch": i, "loss": a, "acc": b, "val_loss": c, "val_acc": d})
        for i, (a, b, c, d) in enumerate(columns, 1)
    ]


def trained(net, data=DATA, **options):
    trainer = Trainer(net, *data, **{"epochs": 2, "mini_batch_size": 50, "seed": 0, **options})
    trainer.train()
    return trainer


@pytest.fixture
def net():
    mg.manual_seed(0)
    return mg.models.SimpleConvNet((1, 8, 8), {"filter_num": 4}, 20, weight_init_std="he")


def test_nothing_is_said_where_all_is_well(net, capsys):
    assert trained(net, epochs=4, optimizer_param={"lr": 0.005}).diagnoses == {}
    assert capsys.readouterr().err == ""


def test_unscaled_inputs_are_noticed_once(net, capsys):
    data = (DATA[0] * 255, DATA[1], DATA[2] * 255, DATA[3])
    found = trained(net, data, optimizer_param={"lr": 1e-6}).diagnoses["inputs"]
    assert found == "the inputs go up to 255: divide by 255, or the first steps will be too large"
    assert capsys.readouterr().err.count(found) == 1
    assert "mean" in diagnostics.unscaled(np.array([-1000.0])) and diagnostics.unscaled(np.array([-3.0, 19])) is None
    assert diagnostics.unscaled(np.array(["text"])) is None


def test_guessing_is_noticed():
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    for p in net.parameters():
        nn.init.zeros_(p)
    found = trained(net, optimizer_param={"lr": 1e-9}, verbose=False).diagnoses
    assert found["guessing"].startswith("after 2 epochs the loss is still ln(10) = 2.303, that of guessing")
    assert diagnostics.guessing(epochs([2.3, 2.2]), 10) is None and diagnostics.guessing(epochs([2.3]), 10) is None


def test_dead_units_are_noticed(net):
    net.conv1.bias.requires_grad_(False)
    net.conv1.bias.replace_array(np.array([-100, -100, -100, -100], np.float32))
    found = trained(net, verbose=False).diagnoses["dead"]
    assert found.startswith("dead ReLUs, zero for all of 50 images: relu1: 4 of 4 channels; relu2: 20 of 20 units: try")
    assert diagnostics.dead_units(nn.Sequential(nn.Linear(64, 2), nn.ReLU()), mg.randn(50, 64)) is None


@pytest.mark.parametrize(
    ("largest", "hint"),
    [(20, None), (21, "mean"), (128, "mean"), (129, "divide by 255"), (255, "divide by 255"), (256, "mean")],
)
def test_the_hint_depends_on_the_range_of_the_inputs(largest, hint):
    for dtype in (np.int64, np.uint16, np.float32):
        found = diagnostics.unscaled(np.array([1, largest, 0], dtype))
        assert found is None if hint is None else hint in found


def test_how_near_and_how_far_a_loss_must_be():
    near = np.log(10) * np.array([0.991, 1.009])
    assert diagnostics.guessing(epochs(near), 10).startswith("after 2 epochs")
    for far in (0.989, 1.011):
        assert diagnostics.guessing(epochs([far * np.log(10), *near]), 10) is None

    def overfitting(last, acc=0.86, ago=3):
        losses = [1.0, *[1.1] * (ago - 1), last]
        return diagnostics.overfitting(epochs([0.92] * (ago + 1), val_losses=losses, val_accs=[acc] * (ago + 1)))

    assert overfitting(1.31) and not overfitting(1.29)
    assert not overfitting(1.31, acc=0.88) and not overfitting(1.31, ago=2)


def test_more_than_three_quarters_of_the_units_are_dead():
    x = np.ones((2, 8), np.float32)
    x[:, :6] = -1
    assert diagnostics.dead_units(nn.ReLU(), mg.tensor(x)) is None
    x[0, 6] = x[1, 6] = -1
    assert "ReLU: 7 of 8 units" in diagnostics.dead_units(nn.ReLU(), mg.tensor(x))
    assert "ReLU: 7 of 8 channels" in diagnostics.dead_units(nn.ReLU(), mg.tensor(x[:, :, None]))
    assert diagnostics.dead_units(nn.ReLU(), mg.tensor(x[:1])) is None  # one image shows nothing


def test_an_operation_of_the_same_name_is_no_relu():
    @mg.primitive
    def relu(x):
        return np.zeros_like(x)

    class Zeros(nn.Module):
        def forward(self, x):
            return relu(x)

    assert diagnostics.dead_units(Zeros(), mg.randn(50, 64)) is None


def test_overfitting_is_noticed():
    accs, bad = [0.8, 0.9, 1.0, 1.0, 1.0], [0.8, 0.85, 0.85, 0.86, 0.86]
    found = diagnostics.overfitting(epochs(accs, accs, [0.5, 0.4, 0.5, 0.55, 0.6], bad))
    assert found.startswith(
        "overfitting: 100.0% in training, 86.0% on held-out images; since epoch 2 their loss has risen from 0.4 to 0.6"
    )
    for losses, val in (
        ([0.5, 0.4, 0.3, 0.3, 0.45], bad),
        ([0.5, 0.4, 0.45, 0.45, 0.45], bad),
        ([0.5, 0.4, 0.5, 0.5, 0.6], accs),
    ):
        assert diagnostics.overfitting(epochs(accs, accs, losses, val)) is None


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_the_module_is_named_around_a_function_of_several_operations():
    class Norm(nn.Module):
        def forward(self, x):
            return F.normalize(x, eps=0.0)

    net, x = nn.Sequential(nn.Flatten(), Norm()), mg.zeros(2, 3, requires_grad=True)
    found = [diagnostics.first_not_finite(net, lambda f=f: f(x)) for f in (net, net[1].forward)]
    assert [text.rpartition(", in ")[2] for text in found] == ["1", "the loss"]


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_a_loss_that_is_not_finite_names_the_operation_and_changes_nothing(net):
    class Logarithm(nn.Module):
        def forward(self, x):
            return mg.log(x)

    bad = nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.ReLU(), Logarithm(), nn.Linear(5, 10))
    before = {name: p.array for name, p in bad.named_parameters()}
    made = r"log: the result holds -inf at index \(\d+, \d\), the first of \d+ bad elements of 250, in 3; the weights are as"
    with pytest.raises(FloatingPointError, match=r"^epoch 1, batch 1: the loss is (nan|-?inf): " + made):
        trained(bad)
    assert all(before[name] is p.array for name, p in bad.named_parameters())
    net.fc1.weight.replace_array(np.full_like(net.fc1.weight.array, np.nan))
    with pytest.raises(FloatingPointError, match=r"the loss is nan: fc1.weight was not finite before"):
        trained(net)
    with pytest.raises(FloatingPointError, match="the images are not finite"):
        trained(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), (DATA[0] * np.float32(np.nan), *DATA[1:]))


def test_parameters_that_are_frozen_or_unused_do_not_hide_where_it_began():
    class Root(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale, self.unused = (nn.Parameter(np.zeros(1, np.float32)) for _ in range(2))

        def forward(self, x):
            return x * mg.sqrt(self.scale)

    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10), Root())
    net[1].bias.requires_grad_(False)
    with pytest.raises(FloatingPointError, match=r"gradient of 2.scale is not finite: sqrt: its gradient for 'x' .*, in 2;"):
        trained(net)


def test_a_gradient_that_is_not_finite_is_noticed_before_the_step():
    class Root(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(np.zeros(1, np.float32))

        def forward(self, x):
            return x * mg.sqrt(self.scale)

    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10), Root())
    with pytest.raises(
        FloatingPointError,
        match=r"epoch 1, batch 1: the gradient of 2.scale is not finite: sqrt: its gradient for 'x' .*, in 2;",
    ):
        trained(net)
    assert net[2].scale.item() == 0


def test_early_stopping():
    class Trained:
        history = epochs([3.0, 2.0, 2.0, 1.95, 2.0])

    def after(n, **options):
        Trained.history = epochs([3.0, 2.0, 2.0, 1.95, 2.0][:n])
        return EarlyStopping(**options)(Trained, Trained.history[-1])

    assert [after(n, patience=1, monitor="loss") for n in range(1, 6)] == [False, False, True, False, True]
    assert [after(n, patience=3, monitor="val_loss", min_delta=0.1) for n in range(1, 6)] == [
        False,
        False,
        False,
        False,
        True,
    ]
    assert [after(n, patience=2, monitor="acc") for n in range(1, 6)] == [False, False, True, True, True]
    for accs, stops in (([0.5, 0.59], True), ([0.5, 0.61], False)):
        Trained.history = epochs(accs)
        assert EarlyStopping(1, "val_acc", min_delta=0.1)(Trained, Trained.history[-1]) is stops
    for options in ({"patience": 0}, {"patience": True}, {"monitor": "seconds"}):
        with pytest.raises(ValueError, match="EarlyStopping"):
            EarlyStopping(**options)
