"""Variable: the old name of tensors that require gradients."""

import warnings

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.autograd import Variable
from minigrad.errors import DTypeError


def test_a_variable_is_a_leaf_with_the_data_of_the_tensor():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2
    for source in x, y:
        v = Variable(source)
        assert v is not source and v.is_leaf and not v.requires_grad and v.tolist() == source.tolist()
        assert np.shares_memory(v.numpy(), source.detach().numpy())
    v = Variable(y, requires_grad=True)
    (v * v).sum().backward()
    assert v.is_leaf and v.grad.tolist() == [4.0, 8.0] and x.grad is None
    assert Variable(mg.tensor([1.0]), True).requires_grad
    assert Variable().shape == (0,) and not Variable().requires_grad and Variable(requires_grad=True).requires_grad
    assert type(Variable(nn.Parameter(mg.ones(2)))) is mg.Tensor


def test_every_tensor_is_a_variable():
    assert isinstance(mg.ones(2), Variable) and isinstance(nn.Parameter(mg.ones(2)), Variable)
    assert not isinstance(np.ones(2), Variable) and not issubclass(mg.Tensor, Variable)


def test_what_is_refused():
    with pytest.raises(TypeError, match=r"Variable: data must be a tensor, got list\n  hint: use tensor\(data\)"):
        Variable([1.0])
    with pytest.raises(DTypeError, match="int64"):
        Variable(mg.arange(3), requires_grad=True)
    with pytest.warns(UserWarning, match="Variable: volatile has no effect any more"):
        v = Variable(mg.ones(2), volatile=True)
    assert not v.requires_grad
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Variable(mg.ones(2), volatile=False)


@pytest.mark.parametrize("kind", ["leaf", "result", "constant"])
@pytest.mark.parametrize("requires_grad", [False, True])
def test_as_in_pytorch(kind, requires_grad):
    torch = pytest.importorskip("torch")

    def facts(lib, make):
        x = lib.tensor([1.0, 2.0], requires_grad=kind != "constant")
        v = make(x * 2 if kind == "result" else x, requires_grad=requires_grad)
        return v.tolist(), v.requires_grad, v.is_leaf, v.grad_fn, isinstance(v, make), isinstance(1, make)

    assert facts(mg, Variable) == facts(torch, torch.autograd.Variable)
