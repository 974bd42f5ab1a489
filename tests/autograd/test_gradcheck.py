"""PyTorch's names of the proofs of gradients, for functions that programs write themselves."""

import pytest

import minigrad as mg
from minigrad.autograd import gradcheck, gradgradcheck
from minigrad.testing import GradcheckError


class Cube(mg.autograd.Function):
    """x**3 by a rule that is right, or off by a factor."""

    factor = 3

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * Cube.factor * x**2


@pytest.fixture
def x():
    return mg.tensor([[0.5, -1.0], [2.0, 0.25]], dtype=mg.float64, requires_grad=True)


@pytest.mark.parametrize("options", [{}, {"eps": 1e-6, "atol": 1e-4}, {"fast_mode": True}, {"check_forward_ad": True}])
def test_a_right_rule_passes_in_both_orders(x, options):
    assert gradcheck(Cube.apply, (x,), **options) is True
    options.pop("check_forward_ad", None)
    assert gradgradcheck(Cube.apply, (x,), **options) is True


@pytest.mark.parametrize("fast", [False, True])
def test_a_wrong_rule_is_found(x, monkeypatch, fast):
    monkeypatch.setattr(Cube, "factor", 2)
    with pytest.raises(GradcheckError, match="wrong"):
        gradcheck(Cube.apply, x, fast_mode=fast)
    assert gradcheck(Cube.apply, x, raise_exception=False) is False


def test_a_gradient_that_is_not_recorded_fails_the_second_order(x):
    class Detached(Cube):
        @staticmethod
        @mg.autograd.once_differentiable
        def backward(ctx, g):
            return Cube.backward(ctx, g)

    assert gradcheck(Detached.apply, x)
    with pytest.raises((GradcheckError, RuntimeError)):
        gradgradcheck(Detached.apply, x)


def test_forward_mode_alone_is_refused(x):
    with pytest.raises(ValueError, match="check_backward_ad=False leaves nothing to check"):
        gradcheck(Cube.apply, x, check_forward_ad=True, check_backward_ad=False)
