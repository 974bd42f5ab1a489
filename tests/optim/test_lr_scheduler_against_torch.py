"""Every schedule beside PyTorch's over 50 steps, alone and together, with states that travel both ways."""

import warnings

import numpy as np
import pytest

import minigrad as mg

torch = pytest.importorskip("torch")

STEPS = 50
CASES = [
    ("StepLR", {"step_size": 7, "gamma": 0.3}),
    ("MultiStepLR", {"milestones": [3, 10, 10, 31], "gamma": 0.5}),
    ("ConstantLR", {"factor": 0.25, "total_iters": 9}),
    ("LinearLR", {"start_factor": 0.1, "end_factor": 0.7, "total_iters": 13}),
    ("LinearLR", {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 50}),
    ("ExponentialLR", {"gamma": 0.93}),
    ("PolynomialLR", {"total_iters": 31, "power": 2.5}),
    ("PolynomialLR", {}),
    ("CosineAnnealingLR", {"T_max": 50}),
    ("CosineAnnealingLR", {"T_max": 9, "eta_min": 1e-3}),
    ("CosineAnnealingLR", {"T_max": 1}),
    ("CosineAnnealingWarmRestarts", {"T_0": 7}),
    ("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 2, "eta_min": 0.01}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 50}),
    ("OneCycleLR", {"max_lr": [0.5, 0.2], "epochs": 5, "steps_per_epoch": 10, "three_phase": True}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 50, "anneal_strategy": "linear", "pct_start": 0.0}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 60, "cycle_momentum": False, "pct_start": 1.0}),
    ("LambdaLR", {"lr_lambda": [lambda t: 0.95**t, lambda t: 1 / (1 + t)]}),
    ("MultiplicativeLR", {"lr_lambda": [lambda t: 0.95, lambda t: 1 / (1 + t / 9)]}),
    ("PolynomialLR", {}),
    ("PolynomialLR", {"total_iters": 40, "power": 2.5}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": [0.3, 0.1], "step_size_up": 4}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 4, "step_size_down": 7, "mode": "triangular2"}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 4, "mode": "exp_range", "gamma": 0.95}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.3, "step_size_up": 9, "scale_fn": lambda x: 1 / x, "cycle_momentum": False}),
    (
        "CyclicLR",
        {
            "base_lr": 0.1,
            "max_lr": 0.3,
            "step_size_up": 9,
            "scale_fn": lambda x: 0.9**x,
            "scale_mode": "iterations",
            "base_momentum": [0.5, 0.6],
        },
    ),
]
every_case = pytest.mark.parametrize("name, options", CASES, ids=[name for name, _ in CASES])
make_optimizer = pytest.mark.parametrize("kind, given", [("SGD", {"momentum": 0.9}), ("AdamW", {})])


def pair(kind, **given):
    """The same optimizer, of two groups, in both libraries."""
    return tuple(
        getattr(lib.optim, kind)([{"params": [lib.ones(2, requires_grad=True)]},
                                  {"params": [lib.ones(1, requires_grad=True)], "lr": 0.02}], lr=0.1, **given)
        for lib in (mg, torch)
    )  # fmt: skip


def run(scheduler, steps=STEPS, metrics=None):
    """The rates and momenta of both groups at every step."""
    optimizer, seen = scheduler.optimizer, []
    for t in range(steps):
        seen.append([(g["lr"], g.get("momentum", 0.0), *g.get("betas", ())) for g in optimizer.param_groups])
        optimizer.step()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scheduler.step() if metrics is None else scheduler.step(metrics[t])
    return seen


def agree(a, b):
    assert len(a) == len(b)
    for step, (mine, theirs) in enumerate(zip(a, b, strict=True)):
        for x, y in zip(mine, theirs, strict=True):
            assert x == pytest.approx(y, rel=1e-10, abs=1e-14), step


@make_optimizer
@every_case
def test_alone(kind, given, name, options):
    ours, theirs = pair(kind, **given)
    agree(*(run(getattr(lib.optim.lr_scheduler, name)(o, **options)) for lib, o in ((mg, ours), (torch, theirs))))


@every_case
def test_a_state_travels_both_ways(name, options):
    if name in ("LambdaLR", "MultiplicativeLR"):
        options = {"lr_lambda": lambda t: 0.9**t}
    expected = run(getattr(torch.optim.lr_scheduler, name)(pair("SGD", momentum=0.9)[1], **options))
    for start, goal in ((mg, torch), (torch, mg)):
        first, second = (dict(zip((mg, torch), pair("SGD", momentum=0.9), strict=True))[lib] for lib in (start, goal))
        before = getattr(start.optim.lr_scheduler, name)(first, **options)
        seen = run(before, 20)
        after = getattr(goal.optim.lr_scheduler, name)(second, **options)
        after.load_state_dict(before.state_dict())
        second.load_state_dict(first.state_dict())
        agree(seen + run(after, STEPS - 20), expected)


@pytest.mark.parametrize("mode, mode_of_threshold", [("min", "rel"), ("min", "abs"), ("max", "rel"), ("max", "abs")])
def test_on_a_plateau(mode, mode_of_threshold):
    metrics = [1.0, 0.9, 0.95, 0.9, 0.9, 0.91, 0.9, 0.5, 0.5, 0.5, 0.6, 0.6, 0.6, 0.7, 0.7, 0.7] + [
        0.7 + i / 40 for i in range(34)
    ]
    options = {"mode": mode, "factor": 0.5, "patience": 2, "cooldown": 2, "threshold": 0.01, "min_lr": [1e-3, 1e-4]}
    agree(*(
        run(lib.optim.lr_scheduler.ReduceLROnPlateau(o, threshold_mode=mode_of_threshold, **options), metrics=metrics)
        for lib, o in zip((mg, torch), pair("Adam"), strict=True)
    ))  # fmt: skip


def sequence(lib, optimizer):
    s = lib.optim.lr_scheduler
    parts = [s.LinearLR(optimizer, 0.1, 1.0, 5), s.CosineAnnealingLR(optimizer, 12, 1e-3), s.ExponentialLR(optimizer, 0.9),
             s.CosineAnnealingWarmRestarts(optimizer, 4, 2), s.MultiStepLR(optimizer, [2, 4])]  # fmt: skip
    return s.SequentialLR(optimizer, parts, [5, 17, 25, 40])


def chain(lib, optimizer):
    s = lib.optim.lr_scheduler
    return s.ChainedScheduler(
        [s.LinearLR(optimizer, 0.1, 1.0, 5), s.StepLR(optimizer, 9, 0.5), s.ExponentialLR(optimizer, 0.9)]
    )


def test_a_chain_and_its_state():
    agree(*(run(chain(lib, o)) for lib, o in zip((mg, torch), pair("SGD"), strict=True)))
    (ours, theirs), (again, _) = pair("SGD"), pair("SGD")
    ours, theirs, again = chain(mg, ours), chain(torch, theirs), chain(mg, again)
    run(theirs, 11)
    again.load_state_dict(theirs.state_dict())
    again.optimizer.load_state_dict(theirs.optimizer.state_dict())
    agree(run(ours, 30)[11:], run(again, 19))
    assert again.get_last_lr() == pytest.approx([g["lr"] for g in ours.optimizer.param_groups])
    with pytest.raises(ValueError, match="ChainedScheduler: the state_dict has 2 schedulers, not 3"):
        again.load_state_dict({**again.state_dict(), "_schedulers": again.state_dict()["_schedulers"][:2]})
    with pytest.raises(ValueError, match="ChainedScheduler: scheduler 0 needs a metric, or belongs to another optimizer"):
        mg.optim.lr_scheduler.ChainedScheduler([plateau(mg, ours.optimizer)])
    with pytest.raises(ValueError, match="needs at least one"):
        mg.optim.lr_scheduler.ChainedScheduler([])


def test_one_after_another():
    agree(*(run(sequence(lib, o)) for lib, o in zip((mg, torch), pair("SGD"), strict=True)))


def test_several_at_once():
    class Both:
        def __init__(self, lib, optimizer):
            s = lib.optim.lr_scheduler
            self.optimizer = optimizer
            self.parts = [
                s.LinearLR(optimizer, 0.1, 1.0, 5), s.StepLR(optimizer, 9, 0.5), s.CosineAnnealingLR(optimizer, 20),
                s.ExponentialLR(optimizer, 0.98), s.MultiStepLR(optimizer, [30]),
            ]  # fmt: skip

        def step(self):
            for part in self.parts:
                part.step()

    agree(*(run(Both(lib, o)) for lib, o in zip((mg, torch), pair("SGD"), strict=True)))


def chained(lib, optimizer):
    s = lib.optim.lr_scheduler
    return s.ChainedScheduler([s.LinearLR(optimizer, 0.1, 1.0, 5), s.ExponentialLR(optimizer, 0.95), s.StepLR(optimizer, 9)])


def test_together():
    agree(*(run(chained(lib, o)) for lib, o in zip((mg, torch), pair("SGD"), strict=True)))


def plateau(lib, optimizer):
    return lib.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1, threshold=0.05, cooldown=1)


MAKERS = [
    (name, lambda lib, o, name=name, given=given: getattr(lib.optim.lr_scheduler, name)(o, **given)) for name, given in CASES
]
MAKERS += [("ReduceLROnPlateau", plateau), ("SequentialLR", sequence), ("ChainedScheduler", chained)]


def trained(lib, make, kind, options):
    """A regression of fifty steps, two groups and a schedule: losses, rates, and the weights at the end."""
    rng = np.random.default_rng(0)
    x, t = (lib.tensor(rng.standard_normal(shape)) for shape in ((8, 5), (8, 3)))
    weights = [lib.tensor(rng.standard_normal(shape) / 2).requires_grad_() for shape in ((5, 4), (4, 3))]
    groups = [{"params": weights[:1]}, {"params": weights[1:], "lr": 0.02}]
    optimizer = getattr(lib.optim, kind)(groups, lr=0.01, **options)
    scheduler, losses, rates = make(lib, optimizer), [], []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = ((x @ weights[0]).tanh() @ weights[1] - t).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scheduler.step(*([losses[-1]] if make is plateau else []))
        rates.append([group["lr"] for group in optimizer.param_groups])
    return np.array(losses), np.array(rates), *(w.detach().numpy() for w in weights)


@make_optimizer
@pytest.mark.parametrize("make", [make for _, make in MAKERS], ids=[name for name, _ in MAKERS])
def test_fifty_steps_of_training(kind, given, make):
    ours, theirs = (trained(lib, make, kind, given) for lib in (mg, torch))
    assert ours[0][-1] < ours[0][0] and (make is not plateau or len(set(map(tuple, ours[1]))) > 2)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("start, goal", [(mg, torch), (torch, mg)], ids=["to torch", "from torch"])
@pytest.mark.parametrize("make", [plateau, sequence, chained])
def test_states_of_those_that_are_made_otherwise_travel_too(make, start, goal):
    metrics = [1 / (1 + t) + (t > 9) * 0.02 * t for t in range(STEPS)] if make is plateau else None
    expected = run(make(torch, pair("SGD", momentum=0.9)[1]), metrics=metrics)
    optimizers = dict(zip((mg, torch), pair("SGD", momentum=0.9), strict=True))
    first, second = optimizers[start], optimizers[goal]
    before, after = make(start, first), make(goal, second)
    seen = run(before, 20, metrics)
    after.load_state_dict(before.state_dict())
    second.load_state_dict(first.state_dict())
    agree(seen + run(after, STEPS - 20, metrics and metrics[20:]), expected)
