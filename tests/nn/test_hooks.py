"""Hooks around forward and backward: what they see, what they may change, and in which order."""

import copy
from operator import attrgetter

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.errors import ShapeError


class Two(nn.Module):
    """Two inputs, one of them without an influence; two outputs."""

    def forward(self, x, y, scale=1.0):
        return x * x * scale, x + 0.0


def x(values=(1.0, 2.0), **options):
    return mg.tensor(list(values), dtype=np.float64, **options)


def test_forward_hooks_see_and_change_in_order():
    layer, seen = nn.Linear(2, 1), []
    layer.register_forward_pre_hook(lambda m, args: seen.append(("before", m, args)))
    layer.register_forward_hook(lambda m, args, out: seen.append(("after", args, out)))
    layer.register_forward_hook(lambda m, args, out: out * 0 + 7)
    layer.register_forward_hook(lambda m, args, out: seen.append(("last", out.item())))
    layer.register_forward_hook(lambda m, args, out: seen.append("first"), prepend=True)
    given = mg.ones(1, 2)
    assert layer(given).item() == 7
    kinds = [entry if isinstance(entry, str) else entry[0] for entry in seen]
    assert kinds == ["before", "first", "after", "last"] and seen[0][1] is layer and seen[0][2] == (given,)
    assert seen[3] == ("last", 7.0)


def test_arguments_may_be_replaced():
    layer = nn.ReLU()
    layer.register_forward_pre_hook(lambda m, args: args[0] * -1)
    assert layer(mg.tensor([-2.0])).item() == 2
    other = Two()
    other.register_forward_pre_hook(lambda m, args, kwargs: (args[::-1], {"scale": 3.0}), with_kwargs=True)
    other.register_forward_hook(lambda m, args, kwargs, out: (kwargs["scale"], out), with_kwargs=True)
    scale, (square, _) = other(x((5.0,)), x((2.0,)))
    assert scale == 3 and square.item() == 12


def test_a_handle_removes_its_hook():
    layer = nn.ReLU()
    with layer.register_forward_hook(lambda m, args, out: out + 1) as handle:
        assert layer(mg.tensor(1.0)).item() == 2
    assert layer(mg.tensor(1.0)).item() == 1
    handle.remove()  # once more is no error
    inside = layer.register_forward_hook(lambda m, args, out: inside.remove())
    layer(mg.tensor(1.0))
    assert not layer._hooks.after


def loaded(layer):
    layer.load_state_dict(layer.state_dict())


def trained(layer):
    layer(mg.ones(1, 2)).sum().backward()


@pytest.mark.parametrize(
    "register, fire",
    [
        ("register_forward_pre_hook", trained),
        ("register_forward_hook", trained),
        ("register_full_backward_pre_hook", trained),
        ("register_full_backward_hook", trained),
        ("register_state_dict_pre_hook", nn.Module.state_dict),
        ("register_state_dict_post_hook", nn.Module.state_dict),
        ("register_load_state_dict_pre_hook", loaded),
        ("register_load_state_dict_post_hook", loaded),
        ("weight.register_hook", trained),
        ("weight.register_post_accumulate_grad_hook", trained),
    ],
)
def test_a_removed_hook_takes_no_other_with_it(register, fire):
    layer, seen = nn.Linear(2, 1), []
    add = attrgetter(register)(layer)
    first, second = (add(lambda *_, name=name: seen.append(name)) for name in "ab")
    first.remove()
    third = add(lambda *_: seen.append("c"))
    fire(layer)
    assert seen == ["b", "c"]
    first.remove()
    second.remove()
    fire(layer)
    assert seen == ["b", "c", "c"]
    third.remove()
    fire(layer)
    assert seen == ["b", "c", "c"]


def test_backward_hooks_see_the_gradients_of_all_inputs_and_outputs():
    layer, seen = nn.Linear(2, 3).double(), []
    layer.register_full_backward_hook(lambda m, grad_in, grad_out: seen.append((m, grad_in, grad_out)))
    given = mg.ones(4, 2, dtype=np.float64, requires_grad=True)
    g = np.random.default_rng(0).standard_normal((4, 3))
    layer(given).backward(mg.tensor(g))
    ((module, (gx,), (gy,)),) = seen
    assert module is layer
    np.testing.assert_allclose(gy.numpy(), g)
    np.testing.assert_allclose(gx.numpy(), g @ layer.weight.detach().numpy())
    np.testing.assert_allclose(given.grad.numpy(), gx.numpy())
    np.testing.assert_allclose(layer.weight.grad.numpy(), g.T @ np.ones((4, 2)))


def test_what_gets_no_gradient_is_none():
    layer, seen = Two(), []
    layer.register_full_backward_hook(lambda m, *grads: seen.append(grads))
    a, b = x(requires_grad=True), x(requires_grad=True)
    first, _ = layer(a, b, scale=2.0)
    first.sum().backward()
    (((ga, gb), (g1, g2)),) = seen
    assert ga.tolist() == [4, 8] and gb is None and g1.tolist() == [1, 1] and g2 is None
    assert a.grad.tolist() == [4, 8] and b.grad is None
    seen.clear()
    layer(a, 3)[0].sum().backward()
    assert seen[0][0][1] is None


def test_without_inputs_that_need_gradients_the_hook_still_runs():
    layer, seen = nn.Linear(2, 1), []
    layer.register_full_backward_hook(lambda m, grad_in, grad_out: seen.append((grad_in, grad_out[0].shape)))
    layer(mg.ones(3, 2)).sum().backward()
    assert seen == [((None,), (3, 1))]


def test_gradients_may_be_replaced_before_and_after():
    layer = Two()
    layer.register_full_backward_pre_hook(lambda m, grad_out: (grad_out[0] * 10, grad_out[1]))
    layer.register_full_backward_hook(lambda m, grad_in, grad_out: (grad_in[0] + 1, grad_in[1]))
    a = x(requires_grad=True)
    layer(a, 0)[0].sum().backward()
    assert a.grad.tolist() == [21, 41]
    layer.register_full_backward_hook(lambda m, grad_in, grad_out: (None, None, None))
    with pytest.raises(ShapeError, match="3 gradients for 2 inputs"):
        layer(a, 0)[0].sum().backward()


def test_each_backward_of_one_call_is_seen_for_itself():
    layer, seen = Two(), []
    layer.register_full_backward_hook(lambda m, grad_in, grad_out: seen.append([g is not None for g in grad_out]))
    a = x(requires_grad=True)
    first, second = layer(a, 0)
    first.sum().backward(retain_graph=True)
    second.sum().backward(retain_graph=True)
    assert seen == [[True, False], [False, True]] and a.grad.tolist() == [3, 5]


def test_second_derivatives_pass_through():
    layer, seen = Two(), []
    layer.register_full_backward_hook(lambda m, grad_in, grad_out: seen.append(grad_in[0].requires_grad))
    a = x(requires_grad=True)
    (ga,) = mg.autograd.grad((layer(a, 0)[0] * a).sum(), a, create_graph=True)
    (gga,) = mg.autograd.grad(ga.sum(), a)
    np.testing.assert_allclose(ga.detach().numpy(), 3 * a.detach().numpy() ** 2)
    np.testing.assert_allclose(gga.numpy(), 6 * a.detach().numpy())
    assert seen[0] is True


def test_hooks_do_not_change_the_result_bit_for_bit():
    def run(hooked):
        mg.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(18, 4))
        if hooked:
            for module in net.modules():
                module.register_full_backward_hook(lambda m, grad_in, grad_out: None)
        net(mg.rand(2, 1, 8, 8)).square().sum().backward()
        return [p.grad.numpy() for p in net.parameters()]

    assert all((a == b).all() for a, b in zip(run(False), run(True), strict=True))


def test_hooks_cost_nothing_without_a_graph_and_are_copied():
    layer, seen = nn.Linear(2, 2), []
    layer.register_full_backward_hook(lambda *given: seen.append(1))
    with mg.no_grad():
        assert not layer(mg.ones(1, 2)).requires_grad
    other = copy.deepcopy(layer)
    other(mg.ones(1, 2)).sum().backward()
    assert seen == [1]


def test_pytorch_sees_the_same():
    torch = pytest.importorskip("torch")
    found = {}
    for lib in (mg, torch):
        seen = found[lib] = []
        net = lib.nn.Sequential(lib.nn.Linear(2, 3), lib.nn.ReLU(), lib.nn.Linear(3, 1)).double()
        with lib.no_grad():
            for i, p in enumerate(net.parameters()):
                p.copy_(lib.tensor(np.cos(np.arange(np.prod(p.shape)) + i).reshape(tuple(p.shape))))
        for name, module in net.named_modules():
            module.register_forward_pre_hook(lambda m, args, name=name, seen=seen: seen.append((name, "before")))
            module.register_full_backward_pre_hook(
                lambda m, grad_out, name=name, seen=seen: seen.append((name, grad_out[0].numpy().copy()))
            )
            module.register_full_backward_hook(
                lambda m, grad_in, grad_out, name=name, seen=seen: seen.append((name, grad_in[0].numpy().copy()))
            )
        given = lib.tensor([[1.0, -2.0], [0.5, 3.0]], dtype=lib.float64, requires_grad=True)
        net(given).square().sum().backward()
    assert [name for name, _ in found[mg]] == [name for name, _ in found[torch]]
    for (_, a), (_, b) in zip(found[mg], found[torch], strict=True):
        if not isinstance(a, str):
            np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("name", ["minigrad", "torch"])
def test_a_forward_hook_that_is_always_called(name):
    lib = pytest.importorskip(name)

    class Fails(lib.nn.Module):
        def forward(self, x, scale=1.0):
            raise ZeroDivisionError("forward")

    seen, net = [], Fails()

    def broken(module, args, out):
        seen.append("broken")
        raise ValueError("hook")

    net.register_forward_hook(lambda m, args, out: seen.append("never"))
    net.register_forward_hook(lambda m, args, out: seen.append(("always", out)), always_call=True)
    with lib.no_grad():
        net.register_forward_hook(lambda m, args, kwargs, out: seen.append(kwargs), with_kwargs=True, always_call=True)
    with pytest.raises(ZeroDivisionError):
        net(lib.ones(1), scale=2.0)
    assert seen == [("always", None), {"scale": 2.0}]
    works, seen[:] = lib.nn.ReLU(), []
    works.register_forward_hook(lambda m, args, out: seen.append("first"), always_call=True)
    works.register_forward_hook(broken, always_call=True)
    works.register_forward_hook(lambda m, args, out: seen.append(("later", out.item())), always_call=True)
    with pytest.raises(ValueError, match="hook"):
        works(lib.ones(1))
    assert seen == ["first", "broken", ("later", 1.0)]


def test_an_error_in_an_always_called_hook_does_not_hide_the_first():
    class Fails(nn.Module):
        def forward(self):
            raise ZeroDivisionError

    net = Fails()
    net.register_forward_hook(lambda m, args, out: out.shape, always_call=True)
    with pytest.raises(ZeroDivisionError):
        net()


@pytest.mark.parametrize("name", ["minigrad", "torch"])
def test_hooks_around_state_dicts(name):
    lib = pytest.importorskip(name)
    net, seen = lib.nn.Sequential(lib.nn.Linear(2, 1, bias=False), lib.nn.ReLU()), []
    inner = net[0]
    inner.register_state_dict_pre_hook(lambda m, prefix, keep_vars: seen.append((m is inner, prefix, keep_vars)))

    def add(module, state_dict, prefix, local_metadata):
        state_dict[f"{prefix}version"] = lib.tensor(3)

    handle = inner.register_state_dict_post_hook(add)
    state = net.state_dict(prefix="net.")
    assert list(state) == ["net.0.weight", "net.0.version"] and seen == [(True, "net.0.", False)]
    kept, other = net.state_dict(keep_vars=True), {"old": 1}
    assert kept["0.weight"] is inner.weight and not state["net.0.weight"].requires_grad
    assert net.state_dict(destination=other) is other and list(other) == ["old", "0.weight", "0.version"]

    def rename(module, state_dict, prefix, local_metadata, strict, missing, unexpected, errors):
        seen.append((prefix, strict))
        state_dict.pop(f"{prefix}version", None)
        state_dict[f"{prefix}weight"] = state_dict.pop(f"{prefix}old")

    inner.register_load_state_dict_pre_hook(rename)
    net.register_load_state_dict_post_hook(lambda m, keys: seen.append((m is net, keys.missing_keys, keys.unexpected_keys)))
    given, seen[:] = {"0.old": lib.ones(1, 2), "0.version": lib.tensor(3)}, []
    net.load_state_dict(given)
    assert seen == [("0.", True), (True, [], [])] and list(given) == ["0.old", "0.version"]
    assert inner.weight.tolist() == [[1.0, 1.0]]
    handle.remove()
    assert list(net.state_dict()) == ["0.weight"]


@pytest.mark.parametrize("name", ["minigrad", "torch"])
def test_parts_that_are_replaced_and_walks(name):
    lib = pytest.importorskip(name)
    nn = lib.nn
    net, seen = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU(), nn.Tanh())), []
    net.apply(lambda m: seen.append(type(m).__name__))
    assert seen == ["Linear", "ReLU", "Tanh", "Sequential", "Sequential"]
    net.set_submodule("1.0", nn.Sigmoid())
    assert isinstance(net[1][0], nn.Sigmoid)
    with pytest.raises(AttributeError):
        net.set_submodule("1.7", nn.Sigmoid(), strict=True)
    with pytest.raises(ValueError, match=r"set_submodule|target"):
        net.set_submodule("", nn.Sigmoid())
    shared = nn.Sequential(net[0], net[0])
    assert len(list(shared.modules())) == 2 and len(list(shared.modules(remove_duplicate=False))) == 3
    memo = {net[0]}
    assert [path for path, _ in net.named_modules(memo, "net")] == ["net", "net.1", "net.1.0", "net.1.1"] and len(memo) == 5

    class Named(nn.Linear):
        def _get_name(self):
            return "Other"

    assert repr(Named(1, 1)) == "Other(in_features=1, out_features=1, bias=True)"


def test_a_module_has_no_cuda():
    net = nn.Linear(1, 1)
    assert net.share_memory() is net and net.compile() is None
    with pytest.raises(ValueError, match="there is no 'cuda'"):
        nn.Linear(1, 1).cuda()


def test_a_backward_that_failed_leaves_nothing_for_the_next():
    class Both(nn.Module):
        def forward(self, x):
            return x * 2, x * 3

    def fail(g):
        raise ZeroDivisionError

    both, seen = Both(), []
    both.register_full_backward_hook(lambda module, inputs, outputs: seen.append([g and g.tolist() for g in outputs]))
    x = mg.tensor([1.0], requires_grad=True)
    first, second = both(x)
    handle = first.register_hook(fail)
    with pytest.raises(ZeroDivisionError):  # after the gradient of `second` has come to the gate
        (first + second).backward(retain_graph=True)
    handle.remove()
    first.backward()
    assert x.grad.tolist() == [2.0] and seen == [[[1.0], None]]


def test_hooks_save_nothing_that_a_backward_would_free():
    layer = nn.Identity()
    layer.register_full_backward_hook(lambda module, inputs, outputs: None)
    x = mg.tensor([1.0], requires_grad=True)
    y = layer(x)
    y.backward()
    y.backward()
    assert x.grad.tolist() == [2.0]
