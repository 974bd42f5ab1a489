"""L-BFGS: beside PyTorch, resumed bit for bit, with its states travelling both ways, and what it refuses."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minigrad as mg
from minigrad import nn, optim

CASES = [
    {"lr": 0.05},
    {"lr": 0.05, "max_iter": 4, "history_size": 2},
    {"lr": 1.0, "line_search_fn": "strong_wolfe"},
    {"lr": 0.5, "line_search_fn": "strong_wolfe", "max_iter": 5, "history_size": 3},
    {"lr": 10.0, "line_search_fn": "strong_wolfe", "max_iter": 3, "max_eval": 6},
    {"lr": 1e-3, "line_search_fn": "strong_wolfe", "max_iter": 3},
    {"lr": 0.1, "tolerance_grad": 0.5},
    {"lr": 0.1, "tolerance_change": 1e-2},
]
every_case = pytest.mark.parametrize("options", CASES, ids=lambda options: "-".join(map(str, options.values())))


def rosenbrock(lib, x, y):
    return ((1 - x) ** 2 + 20 * (y[:-1] - x**2) ** 2).sum() + (y[-1] - 1) ** 2


def fitted(lib, options, steps, start=(0.3, -0.7, 0.2, 0.5, 1.2), loss=rosenbrock):
    """The optimizer, its parameters and the losses after some steps; the last parameter has no gradient."""
    start = np.array(start)
    params = [lib.tensor(v, dtype=lib.float64).requires_grad_() for v in (start[:2], start[2:], start[:1])]
    optimizer, losses = lib.optim.LBFGS(params, **options), []

    def closure():
        optimizer.zero_grad()
        value = loss(lib, *params[:2])
        value.backward()
        return value

    for _ in range(steps):
        losses.append(optimizer.step(closure).item())
    return optimizer, params, losses, closure


def values(params):
    return np.concatenate([p.detach().numpy().ravel() for p in params])


@every_case
@pytest.mark.parametrize("steps", [1, 3])
def test_pytorch_agrees(options, steps):
    torch = pytest.importorskip("torch")
    (ours, p, losses, _), (theirs, q, expected, _) = (fitted(lib, options, steps) for lib in (mg, torch))
    np.testing.assert_allclose(losses, expected, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(values(p), values(q), rtol=1e-7, atol=1e-9)
    counts = [[o.state_dict()["state"][0][name] for name in ("n_iter", "func_evals")] for o in (ours, theirs)]
    assert counts[0] == counts[1]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(-2, 2), min_size=5, max_size=5),
    st.sampled_from([1e-4, 0.01, 1.0, 30.0]),
    st.integers(2, 7),
)
def test_the_line_search_takes_pytorchs_steps(start, lr, most):
    """As many evaluations, and the same points, from any start."""
    torch = pytest.importorskip("torch")
    options = {"lr": lr, "line_search_fn": "strong_wolfe", "max_iter": 2, "max_eval": most}
    (ours, p, *_), (theirs, q, *_) = (fitted(lib, options, 1, start) for lib in (mg, torch))
    np.testing.assert_allclose(values(p), values(q), rtol=1e-6, atol=1e-8)
    assert ours.state_dict()["state"][0]["func_evals"] == theirs.state_dict()["state"][0]["func_evals"]


FUNCTIONS = {
    "quartic": lambda x: x**4 / 4 - x * x + 0.3 * x,
    "valley": lambda x: (1 - x) ** 2 + 10 * (x * x - 1) ** 2,
    "bumps": lambda x: x * x / 20 + (3 * x).sin(),
}
# Where PyTorch 2.13 evaluates in two steps from x, and where it ends; together the cases take every branch of the search.
VISITED = [
    ("quartic", 0.8, 30.0, 3, [0.8, 24.44, 8.18540668, 2.857784949, 0.8]),
    ("valley", -2.8, 0.01, 2, [-2.8, -2.79, -2.74495, -2.74495]),
    ("bumps", 1.9, 30.0, 8, [1.9, -28.1, -8.302338051, -0.04200118692, 1.528377584, 2.397906351, 1.548105683, 1.548105683]),
    (
        "valley",
        0.3,
        30.0,
        8,
        [0.3, 30.3, 10.11941975, 3.434452529, 1.350674548, 0.980385661, 3.945139018, 1.328714895, 1.000495658, 1.000495658],
    ),
    ("bumps", 2.2, 0.01, 5, [2.2, 2.19, 2.1, 1.606945356, 1.605831876, 1.595810559, 1.595810559]),
    ("bumps", 1.1, 10000.0, 6, [1.1, 10001.1, 29.36819977, 10.27758972, 4.813280504, 1.925147121, 1.5643038, 1.5643038]),
    (
        "bumps",
        -1.6,
        30.0,
        6,
        [-1.6, -4.67490851, -4.491518028, -4.656569461, -50.92588256, -5.030011263, -4.693913642, -4.656569461],
    ),
    (
        "valley",
        -0.3,
        10000.0,
        7,
        [-0.3, -10000.3, -3333.433391, -1111.144636, -370.3820614, -123.4622369, -41.15873891, -13.73365763, -0.3],
    ),
    (
        "bumps",
        0.8,
        10000.0,
        8,
        [
            0.8,
            10000.8,
            22.05885831,
            3.960135275,
            2.635626701,
            3.698382497,
            -6911.075021,
            -2.954605761,
            -0.4024938231,
            -0.4024938231,
        ],
    ),
    ("valley", 0.3, 0.01, 6, [0.3, 0.31, 0.4, 1.249610789, 0.9875504884, 0.9881594111, 0.993639716, 0.993639716]),
    ("bumps", -1.4, 10000.0, 6, [-1.4, 9998.6, 14.70882552, 6.041993069, 2.753437738, -0.4228862097, -0.4228862097]),
    ("quartic", 2.3, 0.01, 5, [2.3, 2.29, 2.24495, 1.99699975, 1.993402738, 1.977198199, 1.977198199]),
    ("valley", -2.2, 0.01, 6, [-2.2, -2.19, -2.14495, -1.89699975, -1.892648519, -1.873046224, -1.765157343, -1.765157343]),
    (
        "bumps",
        -3.0,
        30.0,
        7,
        [-3.0, 27.0, 7.306971337, -0.8591195192, 407.2334623, 18.31377063, 4.109955813, 1.493077297, 1.493077297],
    ),
]


@pytest.mark.parametrize("name, x, lr, most, points", VISITED)
def test_the_line_search_visits_these_points(name, x, lr, most, points):
    p, seen = nn.Parameter(np.array(x)), []
    optimizer = optim.LBFGS([p], lr=lr, max_iter=2, max_eval=most, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = FUNCTIONS[name](p)
        loss.backward()
        seen.append(p.item())
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose([*seen, p.item()], points, rtol=1e-8)


@pytest.mark.parametrize("memory", [1, 2, 5])
def test_steps_are_those_of_matrices(memory):
    """The direction is -H g, with H by the rule of Broyden, Fletcher, Goldfarb and Shanno, from a multiple of one."""
    A, start, lr, count = np.diag([1.0, 3.0, 7.0]) + 0.5, np.array([1.0, -2.0, 0.5]), 0.3, 6
    x, g, pairs = start, A @ start, []
    for t in range(count):
        H = np.eye(3)
        if pairs:
            s, y = pairs[-1]
            H = H * (y @ s) / (y @ y)
        for s, y in pairs[-memory:]:
            V = np.eye(3) - np.outer(y, s) / (y @ s)
            H = V.T @ H @ V + np.outer(s, s) / (y @ s)
        step = -lr * (1 if t else min(1, 1 / np.abs(g).sum())) * (H @ g)
        pairs.append((step, A @ step))
        x, g = x + step, g + A @ step
    p = nn.Parameter(start)
    optimizer = optim.LBFGS([p], lr=lr, max_iter=count, history_size=memory)

    def closure():
        optimizer.zero_grad()
        loss = p @ mg.tensor(A) @ p / 2
        loss.backward()
        return loss

    optimizer.step(closure)
    np.testing.assert_allclose(p.detach().numpy(), x, rtol=1e-9)
    assert optimizer.state[p]["n_iter"] == optimizer.state[p]["func_evals"] == count  # the last point is not evaluated


@pytest.mark.parametrize(
    "f, start, options, end, count",
    [
        (lambda x: x * x / 2, 0.5, {"tolerance_grad": 0.5}, 0.5, None),  # the gradient is small enough
        (lambda x: x * x / 2, 1e-5, {"tolerance_grad": 0.0}, 1e-5, 1),  # the slope is too flat
        (lambda x: x * x * 2, 1.0, {"lr": 0.5, "tolerance_change": 0.5}, 0.5, 1),  # a step of no more than the tolerance
        (
            lambda x: x * x * 2,
            1.0,
            {"lr": 1.75, "tolerance_change": 0.875, "max_iter": 2, "max_eval": 9},
            0.5625,
            2,
        ),  # the loss falls by it
        (lambda x: x * 3, 0.0, {"lr": 0.5, "max_iter": 2, "max_eval": 9}, -2.0, 2),  # no curvature: down the gradient again
    ],
)
def test_when_a_step_ends(f, start, options, end, count):
    p = nn.Parameter(np.array(start))
    optimizer = optim.LBFGS([p], **options)

    def closure():
        optimizer.zero_grad()
        loss = f(p)
        loss.backward()
        return loss

    optimizer.step(closure)
    assert p.item() == end and optimizer.state[p].get("n_iter") == (count or 0)


def test_the_evaluations_allowed_follow_from_the_iterations():
    assert optim.LBFGS([nn.Parameter([1.0])], max_iter=9).defaults["max_eval"] == 11


def test_a_bracket_is_narrowed_around_its_lower_end():
    """The far end is the lower one, and the next point is above both: the search goes on from the far end."""
    f = lambda x: x * x / 20 - (5 * x + 1).sin() - (7 * x + 6).sin()
    p = nn.Parameter(np.zeros(1))
    optimizer = optim.LBFGS([p], lr=4.0, max_iter=1, max_eval=30, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = f(p).sum()
        loss.backward()
        return loss

    start = optimizer.step(closure).item()
    assert closure().item() < start and abs(p.grad.item()) <= 0.9 * abs(mg.grad(f)(0.0).item())
    assert p.item() == pytest.approx(3.8901360375279617, rel=1e-9)


def test_a_loss_that_changes_no_more_ends_the_step():
    """Of x**2 / 2 a step of 2 from 1 leads to -1, and the next one back."""
    p = nn.Parameter(np.array([1.0]))
    optimizer = optim.LBFGS([p], lr=2.0, max_iter=5)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum() / 2
        loss.backward()
        return loss

    optimizer.step(closure)
    assert p.item() == -1 and optimizer.state[p]["n_iter"] == 1


@pytest.mark.parametrize("lr, calls", [(0.15, 2), (0.05, 3)])
def test_a_slope_that_fell_to_nine_tenths_is_flat_enough(lr, calls):
    """Of x**2 / 2 from 1 the slope after a step of t is 1 - t of the first."""
    p = nn.Parameter(np.array([1.0]))
    optimizer = optim.LBFGS([p], lr=lr, max_iter=1, max_eval=10, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum() / 2
        loss.backward()
        return loss

    optimizer.step(closure)
    assert optimizer.state[p]["func_evals"] == calls
    assert p.item() == (1 - lr if calls == 2 else pytest.approx(0.5))


@every_case
def test_a_saved_state_goes_on_bit_for_bit(options):
    whole = fitted(mg, options, 4)[1]
    first, params, _, _ = fitted(mg, options, 2)
    state = copy.deepcopy(first.state_dict())
    second, again, _, closure = fitted(mg, {"lr": 9.0}, 0)
    for p, q in zip(params, again, strict=True):
        q.replace_array(p.detach().numpy().copy())
    second.load_state_dict(state)
    for _ in range(2):
        second.step(closure)
    assert values(again).tolist() == values(whole).tolist()


@every_case
@pytest.mark.parametrize("back", [False, True], ids=["to torch", "from torch"])
def test_states_travel(options, back):
    torch = pytest.importorskip("torch")
    giver, taker = (torch, mg) if back else (mg, torch)
    expected = values(fitted(torch, options, 3)[1])
    first, params, _, _ = fitted(giver, options, 2)
    second, others, _, closure = fitted(taker, {}, 0)
    state = mg.interop.from_torch(first.state_dict()) if back else mg.interop.to_torch(first.state_dict())
    second.load_state_dict(state)
    with taker.no_grad():
        for p, q in zip(params, others, strict=True):
            q.copy_(taker.tensor(p.detach().numpy().copy()))
    second.step(closure)
    np.testing.assert_allclose(values(others), expected, rtol=1e-7, atol=1e-9)


def test_a_loaded_state_and_gradients_stay_as_they_were():
    seen = []

    def step(optimizer):
        (p,) = optimizer.param_groups[0]["params"]

        def closure():
            optimizer.zero_grad()
            loss = (p**4).sum()
            loss.backward()
            seen.append((p.grad, p.grad.tolist()))
            return loss

        optimizer.step(closure)

    first, second = (optim.LBFGS([nn.Parameter([1.0, 2.0])], max_iter=3) for _ in range(2))
    step(first)
    state = first.state_dict()
    before = repr(state)
    second.load_state_dict(state)
    step(second)
    assert repr(state) == before and len(seen) > 4 and all(g.tolist() == values for g, values in seen)


@pytest.mark.parametrize("calls", [0, 1, 2])
@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_a_closure_that_raises_leaves_the_memory(search, calls):
    p = nn.Parameter([1.0, 2.0])
    optimizer = optim.LBFGS([p], lr=0.01, max_iter=6, line_search_fn=search, tolerance_change=0.0, tolerance_grad=0.0)
    left = iter(range(10**6))

    def closure():
        optimizer.zero_grad()
        loss = (p**4).sum() + p.cos().sum()
        loss.backward()
        next(left)
        return loss

    def memory():
        state = optimizer.state_dict()["state"][0]
        return repr({name: value for name, value in state.items() if name != "func_evals"})

    optimizer.step(closure)
    before, left = memory(), iter(range(calls))
    with pytest.raises(StopIteration):
        optimizer.step(closure)
    assert memory() == before


def test_float32_stays_float32_and_float16_float16():
    for dtype in (np.float32, np.float16):
        p = nn.Parameter(np.array([3.0, -2.0], dtype))
        optimizer = optim.LBFGS([p], line_search_fn="strong_wolfe")

        def closure(p=p, optimizer=optimizer):
            optimizer.zero_grad()
            loss = (p * p).sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        assert p.dtype == dtype and abs(p.detach().numpy()).max() < 1e-2
        assert optimizer.state[p]["d"].dtype == np.float32


def test_a_closure_that_raises_leaves_the_parameters():
    optimizer, params, _, closure = fitted(mg, {"line_search_fn": "strong_wolfe"}, 1)
    before, count = values(params), []

    def failing():
        count.append(0)
        if len(count) == 2:
            raise KeyError("lost")
        return closure()

    n_iter = optimizer.state[params[0]]["n_iter"]
    with pytest.raises(KeyError, match="lost"):
        optimizer.step(failing)
    assert values(params).tolist() == before.tolist() and optimizer.state[params[0]]["n_iter"] == n_iter


def test_the_loss_may_be_a_number_and_recording_is_on():
    p = nn.Parameter([2.0])
    optimizer, seen = optim.LBFGS([p], lr=0.1, max_iter=2), []

    def closure():
        seen.append(mg.is_grad_enabled())
        p.grad = None
        (p * p).sum().backward()
        return 4.0

    with mg.no_grad():
        assert optimizer.step(closure) == 4.0
    assert all(seen) and p.item() < 2
    p.grad = mg.zeros(1)
    calls = len(seen)
    p.replace_array(np.zeros(1, np.float32))
    optimizer.step(closure)  # at the minimum: one call
    assert len(seen) == calls + 1 and p.item() == 0


@pytest.mark.parametrize(
    "make, error, says",
    [
        (lambda p: optim.LBFGS([{"params": [p]}, {"params": [nn.Parameter([1.0])]}]), ValueError, "one group"),
        (lambda p: optim.LBFGS([p], line_search_fn="armijo"), ValueError, "None or \"strong_wolfe\", got 'armijo'"),
        (lambda p: optim.LBFGS([p], max_iter=0), ValueError, "max_iter must be at least 1, got 0"),
        (lambda p: optim.LBFGS([p], history_size=2.5), TypeError, "integer"),
        (lambda p: optim.LBFGS([p], lr=-1), ValueError, "lr must be"),
        (lambda p: optim.LBFGS([p]).step(), ValueError, "LBFGS: step needs a closure"),
    ],
)
def test_what_is_refused(make, error, says):
    with pytest.raises(error, match=says):
        make(nn.Parameter([1.0]))


@pytest.mark.parametrize(
    "change, says",
    [
        (lambda s: s.pop("d"), "KeyError"),
        (lambda s: s.update(d=mg.ones(2)), r"shape \(2,\) of float32, there are 6 elements"),
        (lambda s: s.update(n_iter=None), "TypeError"),
        (lambda s: s["ro"].pop(), "different lengths"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change, says):
    optimizer, params, _, _ = fitted(mg, {"lr": 0.1}, 1)
    kept, state = optimizer.state[params[0]], optimizer.state_dict()
    change(state["state"][0])
    with pytest.raises(ValueError, match=says):
        optimizer.load_state_dict(state)
    assert optimizer.state[params[0]] is kept
