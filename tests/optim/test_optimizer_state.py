"""What optimizers remember: state that can be saved, options that are checked, names, closures, clipping."""

import copy
import math

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.errors import GraphError, ShapeError
from minigrad.nn.utils import clip_grad_norm_, clip_grad_value_

KINDS = [
    (optim.SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}),
    (optim.Adagrad, {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.5}),
    (optim.RMSprop, {"lr": 0.1, "momentum": 0.9, "centered": True}),
    (optim.Adam, {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1, "maximize": True}),
    (optim.AdamW, {"lr": 0.1}),
    (optim.Adadelta, {"weight_decay": 0.1}),
    (optim.Adamax, {"lr": 0.1}),
    (optim.NAdam, {"lr": 0.1, "momentum_decay": 0.1}),
    (optim.RAdam, {"lr": 0.1}),
    (optim.Rprop, {"lr": 0.1}),
    (optim.ASGD, {"lr": 0.1, "lambd": 0.1, "t0": 2}),
]
every_kind = pytest.mark.parametrize("make, options", KINDS, ids=[make.__name__ for make, _ in KINDS])


def parameters():
    rng = np.random.default_rng(0)
    return [nn.Parameter(rng.standard_normal(shape)) for shape in [(2, 3), (4,), ()]]


def steps(optimizer, params, first, last):
    for t in range(first, last):
        rng = np.random.default_rng(t)
        for p in params:
            p.grad = mg.tensor(rng.standard_normal(p.shape), p.dtype)
        optimizer.step()


def values(params):
    return [p.detach().numpy().copy() for p in params]


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@every_kind
def test_a_saved_state_goes_on_bit_for_bit(make, options):
    whole, half = parameters(), parameters()
    steps(make(whole, **options), whole, 0, 6)
    first = make(half, **options)
    steps(first, half, 0, 3)
    state = copy.deepcopy(first.state_dict())
    steps(first, half, 3, 5)  # the state does not follow the optimizer
    again = [nn.Parameter(p) for p in parameters()]
    steps(make(again, **options), again, 0, 3)
    second = make(again, lr=123.0)
    second.load_state_dict(state)
    steps(second, again, 3, 6)
    assert same(values(whole), values(again)) and second.param_groups[0]["params"] == again


@every_kind
def test_the_state_does_not_change_under_the_one_who_holds_it(make, options):
    params = parameters()
    optimizer = make(params, **options)
    steps(optimizer, params, 0, 1)
    state = optimizer.state_dict()
    before = copy.deepcopy(state)
    steps(optimizer, params, 1, 2)
    for i, entries in before["state"].items():
        for name, value in entries.items():
            kept = state["state"][i][name]
            assert kept == value if isinstance(value, int | float) else (kept == value).all()


@every_kind
def test_a_loaded_state_stays_as_it_was_given(make, options):
    params, other = parameters(), parameters()
    first = make(params, **options)
    steps(first, params, 0, 2)
    state = first.state_dict()
    before, second = copy.deepcopy(state), make(other, **options)
    second.load_state_dict(state)
    steps(second, other, 2, 4)
    second.param_groups[0]["lr"] = 7.0
    second.add_param_group({"params": [nn.Parameter([1.0])]})
    assert state["param_groups"] == before["param_groups"]
    assert [[*entries] for entries in state["state"].values()] == [[*entries] for entries in before["state"].values()]
    for i, entries in before["state"].items():
        assert all(np.array_equal(state["state"][i][name], value) for name, value in entries.items())


@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("decay", [0.0, 0.5])
@every_kind
def test_a_step_leaves_the_gradients_as_they_are(make, options, maximize, decay):
    params = parameters()
    optimizer = make(params, **options | {"maximize": maximize})
    optimizer.param_groups[0]["weight_decay"] = decay  # also where the constructor has none
    for _ in range(2):
        for p in params:
            p.grad = mg.tensor(np.cos(np.arange(p.numel())).reshape(p.shape))
        held, before = [p.grad for p in params], [p.grad.numpy().copy() for p in params]
        optimizer.step()
        assert all(p.grad is g for p, g in zip(params, held, strict=True)) and same([g.numpy() for g in held], before)


def test_the_layout_is_pytorchs():
    a, b, c = parameters()
    optimizer = optim.Adam([{"params": [a]}, {"params": [b, c], "lr": 0.5}])
    c.grad = mg.tensor(np.array(1.0))
    optimizer.step()
    state = optimizer.state_dict()
    assert list(state) == ["state", "param_groups"] and list(state["state"]) == [2]
    assert list(state["state"][2]) == ["step", "exp_avg", "exp_avg_sq"] and state["state"][2]["step"] == 1
    assert [g["params"] for g in state["param_groups"]] == [[0], [1, 2]] and state["param_groups"][1]["lr"] == 0.5


@pytest.mark.parametrize(
    "change, error, says",
    [
        (lambda s: 3, TypeError, "not the state_dict of an optimizer"),
        (lambda s: {"state": {}}, TypeError, "param_groups"),
        (lambda s: {**s, "param_groups": s["param_groups"] * 2}, ValueError, r"of \[3, 3\] parameters, the optimizer of"),
        (lambda s: [s, s["state"][0].pop("exp_avg")][0], ValueError, r"does not fit:\n  state\[0\]: exp_avg is missing"),
        (lambda s: s["state"][1].update(exp_avg=mg.ones(2), lost=mg.ones(4)) or s, ValueError,
         r"does not fit:\n.*exp_avg has shape \(2,\) of float32, its parameter \(4,\)\n.*lost is not part"),
        (lambda s: s["param_groups"][0].update(lr=math.nan) or s, ValueError, "lr must be a finite number"),
        (lambda s: s["param_groups"][0].update(initial_lr="x") or s, TypeError, "initial_lr must be a number, got 'x'"),
        (lambda s: s["param_groups"][0].update(max_lr=-1) or s, ValueError, "max_lr must be a finite number of at least 0"),
    ],
)  # fmt: skip
def test_a_state_that_does_not_fit_changes_nothing(change, error, says):
    params = parameters()
    optimizer = optim.Adam(params, lr=0.1)
    steps(optimizer, params, 0, 2)
    before, given = optimizer.state_dict(), change(copy.deepcopy(optimizer.state_dict()))
    with pytest.raises(error, match=says):
        optimizer.load_state_dict(given)
    after = optimizer.state_dict()
    assert after["param_groups"] == before["param_groups"]
    assert all((after["state"][i]["exp_avg"] == before["state"][i]["exp_avg"]).all() for i in range(3))


def test_state_follows_the_parameters_memory_and_dtype():
    values = np.arange(6.0).reshape(2, 3)
    expected = nn.Parameter(values)
    steps(plain := optim.Adam([expected]), [expected], 0, 2)
    p = nn.Parameter(np.asfortranarray(values))
    optimizer = optim.Adam([p])
    steps(optimizer, [p], 0, 1)
    p.replace_array(np.ascontiguousarray(p.detach().numpy()))  # as an initialiser would
    steps(optimizer, [p], 1, 2)
    np.testing.assert_array_equal(p.detach().numpy(), expected.detach().numpy())
    p.astype_(np.dtype(np.float32))
    steps(optimizer, [p], 2, 3)
    assert p.dtype == optimizer.state[p]["exp_avg"].dtype == np.float32 and plain.state[expected]["step"] == 2


def test_options_become_pythons_own_numbers():
    p = nn.Parameter([1.0])
    group = optim.Adam([p], lr=np.float64(0.1), betas=[np.float32(0.5), 0.75], weight_decay=1).param_groups[0]
    assert type(group["lr"]) is float and group["betas"] == (0.5, 0.75) and type(group["betas"][0]) is float
    assert type(group["weight_decay"]) is int and optim.Adadelta([p], rho=1.0).defaults["rho"] == 1
    assert optim.SGD([p], maximize=np.True_).param_groups[0]["maximize"] is True
    p.grad = mg.ones(1)
    optim.SGD([p], lr=np.float64(0.5)).step()
    assert p.dtype == np.float32


@pytest.mark.parametrize(
    "make, error, says",
    [
        (lambda p: optim.SGD([p], lr="0.1"), TypeError, "lr must be a number, got '0.1'"),
        (lambda p: optim.SGD([p], lr=True), TypeError, "lr must be a number, got True"),
        (lambda p: optim.SGD([p], lr=None), TypeError, "lr must be a number, got None"),
        (lambda p: optim.Adam([p], betas=0.9), TypeError, "betas must be two numbers, got 0.9"),
        (lambda p: optim.Adam([p], betas=(0.9, 0.9, 0.9)), ValueError, "betas must be two numbers"),
        (lambda p: optim.Adam([p], betas=(0.9, math.nan)), ValueError, "betas must be a finite number"),
        (lambda p: optim.Adagrad([p], lr_decay=-1), ValueError, "lr_decay"),
        (lambda p: optim.SGD([("w", p), ("w2", p)]), ValueError, "parameter w2 of shape .* is given twice"),
        (lambda p: optim.SGD([("w", p * 2)]), ValueError, "parameter w is the result of an operation"),
        (lambda p: optim.SGD([p], momentun=0.9), TypeError, "unexpected option 'momentun'; did you mean 'momentum'"),
        (
            lambda p: optim.SGD([p], differentiable=True),
            ValueError,
            "SGD: differentiable must be False, got True: .* gradient",
        ),
        (lambda p: optim.Adam([p], capturable=True), ValueError, "Adam: capturable must be False, got True: .* for a GPU"),
        (lambda p: optim.Adam([{"params": [p], "differentiable": True}]), ValueError, "differentiable must be False"),
        (lambda p: optim.Adadelta([p], rho=1.5), ValueError, r"rho must be within \[0, 1\], got 1.5"),
        (lambda p: optim.Rprop([p], etas=(0.5, 0.9)), ValueError, "etas must be numbers below and above 1"),
        (lambda p: optim.Rprop([p], etas=(0.5, 1.0)), ValueError, "etas must be numbers below and above 1"),
        (lambda p: optim.Rprop([p], etas=(1.0, 1.2)), ValueError, "etas must be numbers below and above 1"),
        (lambda p: optim.Rprop([p], etas=(0.0, 1.2)), ValueError, "etas must be numbers below and above 1"),
        (lambda p: optim.Rprop([p], etas=(0.5,)), ValueError, "etas must be two numbers"),
        (lambda p: optim.NAdam([p], momentum_decay=-1), ValueError, "momentum_decay"),
        (lambda p: optim.ASGD([p], t0=math.nan), ValueError, "t0"),
    ],
)
def test_what_options_refuse(make, error, says):
    with pytest.raises(error, match=says):
        make(nn.Parameter([1.0]))


def test_named_parameters_appear_in_errors():
    net = nn.Linear(2, 1)
    optimizer = optim.SGD(net.named_parameters(), lr=1.0)
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    net.bias.stored_grad = mg.ones(3)
    with pytest.raises(ShapeError, match=r"the gradient has shape \(3,\), its parameter \(1,\) \(bias\)"):
        optimizer.step()


def test_a_closure_computes_the_loss_anew():
    p = nn.Parameter([2.0])
    optimizer = optim.SGD([p], lr=0.25)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with mg.no_grad():  # the closure records all the same
        assert optimizer.step(closure).item() == 4.0
    assert p.item() == 1.0


def test_gradients_may_be_zeroed_instead_of_forgotten():
    a, b = nn.Parameter([1.0]), nn.Parameter([1.0])
    a.grad = mg.ones(1)
    optimizer = optim.SGD([a, b])
    optimizer.zero_grad(set_to_none=False)
    assert a.grad.tolist() == [0.0] and b.grad is None


def test_maximizing_is_minimizing_the_negative():
    for make, options in KINDS:
        up, down = parameters(), parameters()
        options = {k: v for k, v in options.items() if k != "maximize"}
        climb, descend = make(up, maximize=True, **options), make(down, **options)
        for t in range(3):
            for p, q in zip(up, down, strict=True):
                g = np.random.default_rng(t).standard_normal(p.shape)
                p.grad, q.grad = mg.tensor(g), mg.tensor(-g)
            climb.step()
            descend.step()
        assert same(values(up), values(down))


def test_a_state_does_not_change_how_an_optimizer_works():
    """How a step is executed is not loaded, and AdamW stays AdamW with the state of an Adam, as in PyTorch."""
    b, results = parameters()[1], []
    first = optim.Adam([b], weight_decay=0.0)
    steps(first, [b], 0, 1)
    state = first.state_dict()
    for kind, decoupled in (optim.Adam, False), (optim.AdamW, True):
        assert kind([b]).state_dict()["param_groups"][0]["decoupled_weight_decay"] is decoupled
    state["param_groups"][0].update(capturable=True, foreach=True, weight_decay=0.5)
    for change in ({}, {"decoupled_weight_decay": True}):
        p = nn.Parameter(np.ones(4))
        second = optim.AdamW([p])
        state["param_groups"][0].update(change)
        second.load_state_dict(state)
        assert not {"capturable", "foreach"} & second.param_groups[0].keys()
        steps(second, [p], 1, 2)
        results.append(p.tolist())
    assert results[0] == results[1]


@every_kind
def test_how_a_step_is_executed_changes_nothing(make, options):
    plain, told = parameters(), parameters()
    steps(make(plain, **options), plain, 0, 3)
    optimizer = make(told, **options, foreach=True, fused=True, capturable=False, differentiable=False)
    steps(optimizer, told, 0, 3)
    assert same(values(plain), values(told)) and "foreach" not in optimizer.param_groups[0]


@every_kind
def test_numbers_of_the_state_are_checked(make, options):
    params = parameters()
    optimizer = make(params, **options)
    steps(optimizer, params, 0, 2)
    state = optimizer.state_dict()
    for name in optimizer.state_numbers():
        for wrong in (None, math.nan, mg.ones(3)):
            given = copy.deepcopy(state)
            given["state"][1][name] = wrong
            with pytest.raises(
                ValueError, match=rf"state\[1\]: {name} must be a finite number" if wrong is not None else name
            ):
                optimizer.load_state_dict(given)
            del given["state"][1][name]
            with pytest.raises(ValueError, match=rf"state\[1\]: {name} is missing"):
                optimizer.load_state_dict(given)
    optimizer.load_state_dict(state)


def test_a_hook_before_loading_changes_a_copy():
    p = nn.Parameter([1.0])
    optimizer = optim.SGD([p], lr=0.5)
    optimizer.register_load_state_dict_pre_hook(lambda o, state: state.pop("remark") and None)
    state = {**optimizer.state_dict(), "remark": 3}
    optimizer.load_state_dict(state)
    assert state["remark"] == 3


def test_a_momentum_that_was_not_used_may_be_none():
    p = nn.Parameter([1.0])
    optimizer = optim.SGD([p], lr=0.5)
    optimizer.load_state_dict({**optimizer.state_dict(), "state": {0: {"momentum_buffer": None}}})
    steps(optimizer, [p], 0, 1)
    assert p not in optimizer.state or "momentum_buffer" not in optimizer.state[p]


def test_a_group_has_names_if_all_its_parameters_have():
    a, b = parameters()[:2]
    assert optim.SGD([("a", a), ("b", b)]).param_groups[0]["param_names"] == ["a", "b"]
    assert "param_names" not in optim.SGD([("a", a), b]).param_groups[0]


def test_an_entry_of_none_hides_none_of_the_others():
    p = nn.Parameter([1.0])
    optimizer = optim.RMSprop([p])
    optimizer.load_state_dict(
        {**optimizer.state_dict(), "state": {0: {"step": 0, "momentum_buffer": None, "square_avg": mg.full((1,), 4.0)}}}
    )
    assert optimizer.state[p]["square_avg"].tolist() == [4.0] and optimizer.state[p]["step"] == 0


@pytest.mark.parametrize("step", [-1, 2**53, 0.5 * math.nan, [1, 2]])
def test_a_step_is_a_count(step):
    p = nn.Parameter([1.0])
    optimizer = optim.Adam([p])
    steps(optimizer, [p], 0, 1)
    state = copy.deepcopy(optimizer.state_dict())
    state["state"][0]["step"] = 2**53 - 1
    optimizer.load_state_dict(state)
    assert optimizer.state[p]["step"] == 2**53 - 1
    state["state"][0]["step"] = step
    with pytest.raises(ValueError, match=r"state\[0\]: step must be a count"):
        optimizer.load_state_dict(state)


def test_integers_of_a_state_become_numbers_of_the_parameter():
    p = nn.Parameter(np.ones(2))
    optimizer = optim.SGD([p], lr=0.5, momentum=0.5)
    optimizer.load_state_dict({**optimizer.state_dict(), "state": {0: {"momentum_buffer": np.array([4, 8])}}})
    p.grad = mg.zeros(2, dtype=np.float64)
    optimizer.step()
    assert p.tolist() == [0.0, -1.0] and optimizer.state[p]["momentum_buffer"].dtype == np.float64


def test_hooks_run_around_every_step():
    p = nn.Parameter([1.0])
    optimizer, seen = optim.SGD([p], lr=0.5), []
    p.grad = mg.ones(1)
    before = optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append((o, args, kwargs, p.item())))
    after = optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append((o, args, kwargs, p.item())))
    optimizer.step()
    assert seen == [(optimizer, (optimizer,), {}, 1.0), (optimizer, (optimizer,), {}, 0.5)]
    before.remove()
    with after:
        assert optimizer.step(closure := lambda: 3.0) == 3.0
    assert seen[2:] == [(optimizer, (optimizer, closure), {}, 0.0)]
    optimizer.step()
    assert len(seen) == 3
    optimizer.register_step_pre_hook(lambda o, args, kwargs: (args, {"closure": lambda: 5.0}))
    assert optimizer.step() == 5.0
    optimizer.register_step_pre_hook(lambda o, args, kwargs: ((o, lambda: 7.0), {}))
    assert optimizer.step() == 7.0


# Clipping


def with_gradients(*gradients):
    params = [nn.Parameter(np.zeros_like(g)) for g in gradients]
    for p, g in zip(params, gradients, strict=True):
        p.grad = mg.tensor(g)
    return params


@pytest.mark.parametrize("norm_type", [1, 2, 3.5, math.inf])
def test_the_norm_is_that_of_all_gradients_together(norm_type):
    gradients = np.array([[3.0, -1.0], [2.0, 0.5]]), np.array(-4.0), np.zeros((0,))
    params = with_gradients(*gradients)
    flat = np.concatenate([g.ravel() for g in gradients])
    norm = np.linalg.norm(flat, norm_type)
    assert clip_grad_norm_(iter(params), 2 * norm, norm_type).item() == pytest.approx(norm, rel=1e-14)
    assert same([p.grad.numpy() for p in params], gradients)  # within the bound: untouched
    assert clip_grad_norm_(params, norm / 4, norm_type).item() == pytest.approx(norm, rel=1e-14)
    for p, g in zip(params, gradients, strict=True):
        np.testing.assert_allclose(p.grad.numpy(), g / 4, rtol=1e-6)
        assert p.grad.shape == p.shape and p.grad.dtype == np.float64


def test_values_are_clipped_element_by_element():
    (p,) = with_gradients(np.array([-3.0, 0.5, 2.0]))
    kept = p.grad
    clip_grad_value_(p, 1.0)
    assert p.grad.tolist() == [-1.0, 0.5, 1.0] and kept.tolist() == [-3.0, 0.5, 2.0]


def test_a_gradient_that_is_not_finite():
    params = with_gradients(np.ones(2), np.array([1.0, math.nan]), np.ones(1))
    with pytest.raises(GraphError, match=r"norm nan: parameter 1, of shape \(2,\), nan"):
        clip_grad_norm_(params, 1.0, error_if_nonfinite=True)
    assert params[0].grad.tolist() == [1, 1]
    clip_grad_norm_(params, 1.0)  # as PyTorch: it spreads
    assert all(math.isnan(p.grad.numpy().sum()) for p in params)
    assert clip_grad_norm_([nn.Parameter([1.0])], 1.0).item() == 0.0


@pytest.mark.parametrize("given", [False, True])
def test_the_factor_is_the_largest_norm_over_the_norm_and_a_millionth(given):
    p = nn.Parameter(np.zeros(2))
    p.grad = mg.tensor(np.array([3e-6, 4e-6]))
    if given:
        nn.utils.clip_grads_with_norm_(p, 1e-6, mg.tensor(np.array(5e-6)))
    else:
        nn.utils.clip_grad_norm_(p, 1e-6)
    np.testing.assert_allclose(p.grad.numpy(), [3e-6 / 6, 4e-6 / 6], rtol=1e-12)
