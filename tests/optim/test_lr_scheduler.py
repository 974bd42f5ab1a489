"""Schedules of the learning rate: their formulas, written out; errors; state."""

import copy
import math

import pytest

import minigrad as mg
from minigrad import optim
from minigrad.optim import lr_scheduler as schedules


def optimizer(lr=1.0, make=optim.SGD, **options):
    return make([mg.ones(1, requires_grad=True)], lr=lr, **options)


def rates(scheduler, steps=12, metric=None):
    found = []
    for _ in range(steps):
        found.append(scheduler.optimizer.param_groups[0]["lr"])
        scheduler.step() if metric is None else scheduler.step(metric)
    return found


CLOSED = {
    "step": (lambda o: schedules.StepLR(o, 3, 0.5), lambda t: 0.5 ** (t // 3)),
    "milestones": (lambda o: schedules.MultiStepLR(o, [2, 5, 5], 0.5), lambda t: 0.5 ** ((t >= 2) + 2 * (t >= 5))),
    "exponential": (lambda o: schedules.ExponentialLR(o, 0.9), lambda t: 0.9**t),
    "polynomial": (lambda o: schedules.PolynomialLR(o, 4, 2.0), lambda t: (1 - min(t, 4) / 4) ** 2),
    "multiplicative": (lambda o: schedules.MultiplicativeLR(o, lambda t: 1 / (t + 1)), lambda t: 1 / math.factorial(t + 1)),
    "lambda": (lambda o: schedules.LambdaLR(o, lambda t: 1 / (t + 1)), lambda t: 1 / (t + 1)),
    "linear": (lambda o: schedules.LinearLR(o, 0.2, 0.8, 4), lambda t: 0.2 + 0.6 * min(t, 4) / 4),
    "constant": (lambda o: schedules.ConstantLR(o, 0.25, 3), lambda t: 0.25 if t < 3 else 1),
    "cosine": (lambda o: schedules.CosineAnnealingLR(o, 4, 0.1), lambda t: 0.1 + 0.9 * (1 + math.cos(math.pi * t / 4)) / 2),
    "cosine of three": (lambda o: schedules.CosineAnnealingLR(o, 3), lambda t: (1 + math.cos(math.pi * t / 3)) / 2),
    "restarts": (
        lambda o: schedules.CosineAnnealingWarmRestarts(o, 2, 2),
        lambda t: (1 + math.cos(math.pi * (t / 2 if t < 2 else (t - 2) / 4 if t < 6 else (t - 6) / 8))) / 2,
    ),
    "cycle": (
        lambda o: schedules.OneCycleLR(o, 2.0, 12, None, None, 0.25, "linear", div_factor=4, final_div_factor=5),
        lambda t: 0.5 + 1.5 * t / 2 if t <= 2 else 2 - 1.9 * (t - 2) / 9,
    ),
    "cycle of three phases": (
        lambda o: schedules.OneCycleLR(o, 2.0, None, 4, 3, 0.25, "linear", True, 0.85, 0.95, 4, 5, three_phase=True),
        lambda t: 0.5 + 0.75 * t if t <= 2 else 2 - 0.75 * (t - 2) if t <= 4 else 0.5 - 0.4 * (t - 4) / 7,
    ),
    "cycle that begins at its peak": (
        lambda o: schedules.OneCycleLR(o, 2.0, 12, pct_start=1 / 12, div_factor=4, final_div_factor=5),
        lambda t: 0.1 + 1.9 * (1 + math.cos(math.pi * t / 11)) / 2,
    ),
    "linear to zero": (lambda o: schedules.LinearLR(o, 1.0, 0.0, 4), lambda t: 1 - min(t, 4) / 4),
    "chain": (
        lambda o: schedules.ChainedScheduler([schedules.ConstantLR(o, 0.5, 2), schedules.ExponentialLR(o, 0.9)]),
        lambda t: (0.5 if t < 2 else 1) * 0.9**t,
    ),
    "chain in a sequence": (
        lambda o: schedules.SequentialLR(o, [schedules.ConstantLR(o, 0.1, 9), schedules.ChainedScheduler(
            [schedules.ConstantLR(o, 0.5, 2), schedules.ExponentialLR(o, 0.9)])], [3]),
        lambda t: 0.1 if t < 3 else (0.5 if t < 5 else 1) * 0.9 ** (t - 3),
    ),
    "sequence": (
        lambda o: schedules.SequentialLR(o, [schedules.LinearLR(o, 0.5, 1, 2), schedules.ExponentialLR(o, 0.5)], [4]),
        lambda t: min(1, 0.5 + t / 4) if t < 4 else 0.5 ** (t - 4),
    ),
}  # fmt: skip
each = pytest.mark.parametrize("make, formula", CLOSED.values(), ids=CLOSED)


@each
def test_the_rates_follow_their_formula(make, formula):
    assert rates(make(optimizer(momentum=0.9))) == pytest.approx([formula(t) for t in range(12)], rel=1e-12, abs=1e-15)


@each
def test_every_group_has_a_schedule_of_its_own(make, formula):
    a, b = mg.ones(1, requires_grad=True), mg.ones(1, requires_grad=True)
    both = optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.5}], lr=1.0, momentum=0.9)
    scheduler = make(both)
    for t in range(5):
        found, expected = [g["lr"] for g in both.param_groups], formula(t)
        assert scheduler.get_last_lr() == found and found[0] == pytest.approx(expected, rel=1e-12)
        scheduler.step()
    assert isinstance(scheduler, schedules.OneCycleLR | schedules.CosineAnnealingLR) or found[1] == pytest.approx(
        expected / 2
    )


@each
def test_a_saved_schedule_goes_on_where_it_was(make, formula):
    whole = rates(make(optimizer(momentum=0.9)))
    first = make(optimizer(momentum=0.9))
    rates(first, 5)
    saved, other = (first.optimizer.state_dict(), first.state_dict()), make(optimizer(lr=7.0, momentum=0.9))
    other.optimizer.load_state_dict(saved[0])
    other.load_state_dict(saved[1])
    assert rates(other, 7) == whole[5:]


@each
def test_a_loaded_schedule_leaves_the_state_as_it_was(make, formula):
    first, other = make(optimizer(momentum=0.9)), make(optimizer(momentum=0.9))
    rates(first, 3)
    state = first.state_dict()
    before = copy.deepcopy(state)
    other.load_state_dict(state)
    rates(other, 4)
    assert state == before


def test_two_schedules_act_together():
    o = optimizer()
    a, b = schedules.ExponentialLR(o, 0.5), schedules.StepLR(o, 2, 0.1)
    for _ in range(4):
        a.step()
        b.step()
    assert o.param_groups[0]["lr"] == pytest.approx(0.5**4 * 0.1**2)


def test_a_schedule_goes_on_from_an_epoch():
    o = optimizer(lr=0.3)
    with pytest.raises(KeyError, match="group 0 has no initial_lr"):
        schedules.StepLR(o, 2, last_epoch=4)
    o.param_groups[0]["initial_lr"] = 1.0
    assert rates(schedules.ExponentialLR(o, 0.5, last_epoch=4), 2) == [0.3, 0.15]
    assert rates(schedules.LambdaLR(o, lambda t: t, last_epoch=4), 2) == [5.0, 6.0]


def test_one_cycle_turns_the_momentum_the_other_way():
    for o, read in [
        (optimizer(momentum=0.9), lambda g: g["momentum"]),
        (optimizer(make=optim.Adam), lambda g: g["betas"][0]),
    ]:
        scheduler = schedules.OneCycleLR(o, 1.0, 10, pct_start=0.5, base_momentum=0.8, max_momentum=0.9)
        seen = []
        for _ in range(10):
            seen.append(read(o.param_groups[0]))
            scheduler.step()
        assert seen[0] == pytest.approx(0.9) and min(seen) == pytest.approx(0.8, abs=1e-9) and seen[-1] == pytest.approx(0.9)
        with pytest.raises(ValueError, match="step 11 of a schedule of 10 steps"):
            scheduler.step()
        assert scheduler.last_epoch == 10


def test_a_chain_begins_again():
    o = optimizer()
    chain = schedules.ChainedScheduler([schedules.ConstantLR(o, 0.5, 2), schedules.StepLR(o, 3, 0.1)])
    first = rates(chain, 5)
    chain.restart()
    assert rates(chain, 5) == first and first[0] == 0.5


def test_a_cycle_goes_up_and_down():
    scheduler = schedules.CyclicLR(optimizer(lr=5.0, momentum=0.5), 1.0, 3.0, 2, 4, mode="triangular2")
    assert rates(scheduler, 10) == pytest.approx([1, 2, 3, 2.5, 2, 1.5, 1, 1.5, 2, 1.75])
    assert scheduler.optimizer.param_groups[0]["momentum"] == pytest.approx(0.9 - 0.1 / 4)
    adam = schedules.CyclicLR(optimizer(make=optim.Adam), 1.0, 3.0, 2)
    assert rates(adam, 3) == [1, 2, 3] and adam.optimizer.param_groups[0]["betas"] == pytest.approx((0.85, 0.999))
    other = schedules.CyclicLR(optimizer(momentum=0.5), 1.0, 3.0, 2, scale_fn=lambda x: 2.0)
    own = other.scale_fn
    other.load_state_dict(scheduler.state_dict())
    assert other.scale_fn == own and other.scale_fn(1) == 2 and other.state_dict()["_scale_fn_custom"] is None


def test_a_cycle_takes_its_factor_from_the_step_or_the_cycle():
    """Up in two steps, down in two: half the height, all of it, half, none."""
    shape = [0, 0.5, 1, 0.5, 0, 0.5, 1, 0.5]

    def found(**options):
        return rates(schedules.CyclicLR(optimizer(), 1.0, 3.0, 2, cycle_momentum=False, **options), 8)

    assert found(mode="exp_range", gamma=0.5) == [1 + 2 * h * 0.5**t for t, h in enumerate(shape)]
    assert found(scale_fn=lambda x: x) == [1 + 2 * h * (t // 4 + 1) for t, h in enumerate(shape)]
    assert found(scale_fn=lambda x: x, scale_mode="iterations") == [1 + 2 * h * t for t, h in enumerate(shape)]


def test_a_cycle_goes_on_from_an_epoch():
    o = optimizer(lr=0.25, momentum=0.5)
    o.param_groups[0].update(initial_lr=1.0, max_lr=3.0, min_lr=0.1, base_momentum=0.8, max_momentum=0.9)
    assert rates(schedules.CyclicLR(o, 1.0, 3.0, 2, last_epoch=1), 2) == [3, 2]
    one = schedules.OneCycleLR(o, 7.0, 12, pct_start=0.25, anneal_strategy="linear", last_epoch=0)
    assert one.last_epoch == 1 and one.get_last_lr() == [2.0]  # halfway from initial_lr to max_lr of the group, not to 7


def test_a_plateau_lowers_the_rate_after_patience_and_rests_after_that():
    scheduler = schedules.ReduceLROnPlateau(optimizer(), factor=0.5, patience=2, cooldown=1, min_lr=0.2)
    assert rates(scheduler, 12, metric=mg.tensor(1.0, requires_grad=True)) == [
        1,
        1,
        1,
        1,
        0.5,
        0.5,
        0.5,
        0.5,
        0.25,
        0.25,
        0.25,
        0.25,
    ]
    assert scheduler.get_last_lr() == [0.2] and scheduler.best == 1.0


@pytest.mark.parametrize(
    "options, metric, better",
    [
        ({}, 0.9998, True),
        ({}, 0.99995, False),
        ({"mode": "max"}, 1.0002, True),
        ({"mode": "max", "threshold_mode": "abs", "threshold": 0.5}, 1.4, False),
        ({"threshold_mode": "abs", "threshold": 0.5}, 0.4, True),
    ],
)
def test_what_counts_as_better(options, metric, better):
    scheduler = schedules.ReduceLROnPlateau(optimizer(), **options)
    scheduler.step(1.0)
    scheduler.step(metric)
    assert (scheduler.best == metric) == better


@pytest.mark.parametrize(
    "make, error, says",
    [
        (lambda o: schedules.StepLR(3, 1), TypeError, "needs an Optimizer, got int"),
        (lambda o: schedules.OneCycleLR(3, 1.0, 9), TypeError, "OneCycleLR: needs an Optimizer, got int"),
        (lambda o: schedules.CyclicLR(3, 0.1, 1.0), TypeError, "CyclicLR: needs an Optimizer, got int"),
        (lambda o: schedules.OneCycleLR(o, 1.0, epochs=3), ValueError, "total_steps, or epochs and steps_per_epoch"),
        (lambda o: schedules.OneCycleLR(o, 1.0, steps_per_epoch=3), ValueError, "total_steps, or epochs and"),
        (lambda o: schedules.LinearLR(o, end_factor=1.5), ValueError, r"end_factor must be within \[0, 1\], got 1.5"),
        (lambda o: schedules.StepLR(o, 0), ValueError, "step_size must be an int of at least 1, got 0"),
        (lambda o: schedules.CosineAnnealingLR(o, 2.5), ValueError, "T_max"),
        (lambda o: schedules.LinearLR(o, start_factor=0.0), ValueError, r"start_factor must be within \(0, 1\], got 0"),
        (lambda o: schedules.LinearLR(o, end_factor=math.nan), ValueError, "end_factor"),
        (lambda o: schedules.LambdaLR(o, [abs, abs]), ValueError, "2 values of lr_lambda for 1 parameter groups"),
        (lambda o: schedules.OneCycleLR(o, 1.0), ValueError, "total_steps, or epochs and steps_per_epoch"),
        (lambda o: schedules.OneCycleLR(o, 1.0, 9), ValueError, "SGD has no momentum|cycle_momentum=False"),
        (lambda o: schedules.OneCycleLR(o, 1.0, 9, anneal_strategy="cosine"), ValueError, "anneal_strategy"),
        (lambda o: schedules.SequentialLR(o, [schedules.StepLR(o, 1)], [2]), ValueError, "1 schedulers need 0 milestones"),
        (lambda o: schedules.SequentialLR(o, [schedules.StepLR(optimizer(), 1)], []), ValueError, "another optimizer"),
        (lambda o: schedules.ChainedScheduler([]), ValueError, "ChainedScheduler: needs at least one scheduler"),
        (lambda o: schedules.ChainedScheduler([schedules.ReduceLROnPlateau(o)]), ValueError, "scheduler 0 needs a metric"),
        (lambda o: schedules.CyclicLR(o, 0.1, 1.0), ValueError, "SGD has no momentum|cycle_momentum=False"),
        (lambda o: schedules.CyclicLR(o, 0.1, 1.0, mode="zigzag"), ValueError, "CyclicLR: mode must be 'triangular', "),
        (
            lambda o: schedules.CyclicLR(o, 0.1, 1.0, 0, cycle_momentum=False),
            ValueError,
            "step_size_up and .* at least 1, got 0",
        ),
        (lambda o: schedules.CyclicLR(o, [0.1, 0.2], 1.0, cycle_momentum=False), ValueError, "2 values"),
        (lambda o: schedules.ReduceLROnPlateau(o, factor=1.0), ValueError, "factor must be below 1"),
        (lambda o: schedules.ReduceLROnPlateau(o, mode="least"), ValueError, "mode must be"),
    ],
)
def test_what_schedules_refuse(make, error, says):
    o = optim.Adagrad([mg.ones(1, requires_grad=True)], lr=0.5)
    says = says.replace("SGD", "Adagrad")
    with pytest.raises(error, match=says):
        make(o)
    assert o.param_groups[0]["lr"] == 0.5


@pytest.mark.parametrize(
    "make, name, given, says",
    [
        (CLOSED["step"][0], "last_epoch", -2, "last_epoch is -2"),
        (CLOSED["step"][0], "step_size", 0, "step_size is 0"),
        (CLOSED["step"][0], "gamma", "x", "gamma has type str, expected float"),
        (CLOSED["step"][0], "last_epoch", True, "last_epoch has type bool, expected int"),
        (CLOSED["step"][0], "last_epoch", 2**63, r"last_epoch is beyond 2\*\*63"),
        (CLOSED["step"][0], "base_lrs", [1.0, 1.0], "base_lrs must be 1 finite numbers"),
        (CLOSED["step"][0], "base_lrs", ["x"], r"base_lrs\[0\] has type str, expected float"),
        (CLOSED["step"][0], "base_lrs", [math.inf], "base_lrs must be 1 finite numbers"),
        (
            lambda o: schedules.SequentialLR(o, [schedules.StepLR(o, 1)] * 3, [2, 4]),
            "_milestones",
            [2, math.nan],
            "type float",
        ),
        (CLOSED["cycle"][0], "_anneal_func_type", "cubic", "_anneal_func_type is none of cos, linear"),
        (CLOSED["milestones"][0], "milestones", {2: 0}, "milestones must be counts of steps"),
        (CLOSED["milestones"][0], "milestones", {2: 2**31}, "milestones must be counts of steps"),
        (CLOSED["milestones"][0], "milestones", {2.0: 1}, "milestones must be counts of steps"),
        (CLOSED["milestones"][0], "milestones", {True: 1}, "milestones must be counts of steps"),
        (CLOSED["chain"][0], "_schedulers", [], "the state_dict has 0 schedulers, not 2"),
    ],
)
def test_impossible_values_of_a_state_change_nothing(make, name, given, says):
    scheduler = make(optimizer(momentum=0.9))
    before = copy.deepcopy(scheduler.state_dict())
    with pytest.raises(ValueError, match=says):
        scheduler.load_state_dict({**before, name: given})
    assert scheduler.state_dict() == before


def test_the_phases_of_another_cycle_change_nothing():
    scheduler = CLOSED["cycle"][0](optimizer(momentum=0.9))
    state = copy.deepcopy(scheduler.state_dict())
    state["_schedule_phases"][0]["end_lr"] = "min_lr"
    with pytest.raises(ValueError, match="_schedule_phases are of another cycle"):
        scheduler.load_state_dict(state)
    assert scheduler.state_dict()["_schedule_phases"][0]["end_lr"] == "max_lr"


@pytest.mark.parametrize("make, name", [("lambda", "lr_lambdas"), (None, "_scale_fn_custom")])
def test_a_state_names_its_functions(make, name):
    """They are not saved, but a state without their place is one of another schedule."""
    o = optimizer(momentum=0.9)
    scheduler = CLOSED[make][0](o) if make else schedules.CyclicLR(o, 1.0, 3.0, 2)
    state = scheduler.state_dict()
    del state[name]
    with pytest.raises(ValueError, match=f"{name} is missing"):
        scheduler.load_state_dict(state)


def test_every_rate_of_a_state_is_finite():
    o = optim.SGD([{"params": [mg.ones(1)]}, {"params": [mg.ones(1)]}], lr=1.0)
    scheduler = schedules.StepLR(o, 3)
    with pytest.raises(ValueError, match="base_lrs must be 2 finite numbers"):
        scheduler.load_state_dict({**scheduler.state_dict(), "base_lrs": [1.0, math.nan]})


def test_possible_values_of_a_state():
    scheduler = CLOSED["milestones"][0](optimizer())
    state = {**scheduler.state_dict(), "milestones": {3: 1, 7: 2**31 - 1}, "last_epoch": -1}
    scheduler.load_state_dict(state)
    assert scheduler.milestones == {3: 1, 7: 2**31 - 1} and scheduler.last_epoch == -1
    step = CLOSED["step"][0](optimizer())
    step.load_state_dict({**step.state_dict(), "step_size": 1, "last_epoch": 2**63 - 1})
    assert step.step_size == 1 and step.last_epoch == 2**63 - 1


def test_the_state_of_another_schedule_changes_nothing():
    scheduler = schedules.StepLR(optimizer(), 3)
    before, other = scheduler.state_dict(), {**schedules.CosineAnnealingLR(optimizer(), 3).state_dict(), "gamma": 1.0}
    with pytest.raises(ValueError, match="step_size is missing, T_max is unexpected, eta_min is unexpected"):
        scheduler.load_state_dict(other)
    assert scheduler.state_dict() == before


def test_a_cycle_ends_where_it_ends_also_after_a_state_was_loaded():
    optimizer = mg.optim.SGD([mg.tensor([1.0], requires_grad=True)], lr=1.0, momentum=0.9)
    cycle = schedules.OneCycleLR(optimizer, 1.0, 4)
    for _ in range(4):
        cycle.step()
    ended = cycle.state_dict()
    cycle.load_state_dict(ended)
    with pytest.raises(ValueError, match="step 5 of a schedule of 4 steps"):
        cycle.step()
    with pytest.raises(ValueError, match="does not fit: last_epoch is 5 of a schedule of 4 steps"):
        cycle.load_state_dict({**ended, "last_epoch": 5})
    assert cycle.state_dict() == ended
