"""NumPy's functions of shapes, indices and products, called on tensors in NumPy's ways, give what they give on arrays."""

import numpy as np
import pytest

import minigrad as mg

RNG = np.random.default_rng(0)
A, B, V = RNG.standard_normal((3, 4)), RNG.standard_normal((4, 3)), RNG.standard_normal(4)
T, I = RNG.standard_normal((2, 3, 4)), np.array([2, 0, 2, 1])

CALLS = [
    lambda a, b, v, t: np.reshape(a, (4, -1), order="F"),
    lambda a, b, v, t: np.ravel(a, "F"), lambda a, b, v, t: np.transpose(t, axes=(1, 0, 2)),
    lambda a, b, v, t: np.transpose(t), lambda a, b, v, t: np.swapaxes(t, axis1=0, axis2=-1),
    lambda a, b, v, t: np.moveaxis(t, source=[0, 1], destination=[-1, 0]), lambda a, b, v, t: np.rollaxis(t, 2),
    lambda a, b, v, t: np.rollaxis(t, axis=0, start=-1), lambda a, b, v, t: np.expand_dims(a, axis=(0, -1)),
    lambda a, b, v, t: np.squeeze(a[None], axis=0), lambda a, b, v, t: np.broadcast_to(v, shape=(2, 4)),
    lambda a, b, v, t: np.broadcast_arrays(a, v)[1], lambda a, b, v, t: np.atleast_2d(v),
    lambda a, b, v, t: np.atleast_3d(v, a)[0], lambda a, b, v, t: np.atleast_1d(v[0]),
    lambda a, b, v, t: np.meshgrid(v, v[:2])[0], lambda a, b, v, t: np.meshgrid(v, v[:2], sparse=True, indexing="ij")[1],
    lambda a, b, v, t: np.concatenate((a, b.T, v[None]), axis=0), lambda a, b, v, t: np.concatenate([a, b], axis=None),
    lambda a, b, v, t: np.stack([v, v], axis=-1), lambda a, b, v, t: np.hstack((a, a)), lambda a, b, v, t: np.hstack([v]),
    lambda a, b, v, t: np.vstack((a, v)), lambda a, b, v, t: np.dstack((a, a)),
    lambda a, b, v, t: np.column_stack((v, b)), lambda a, b, v, t: np.append(a, v),
    lambda a, b, v, t: np.append(a, values=v[None], axis=0), lambda a, b, v, t: np.split(a, 2, axis=1)[1],
    lambda a, b, v, t: np.split(v, [1, 3])[1], lambda a, b, v, t: np.array_split(v, indices_or_sections=3)[0],
    lambda a, b, v, t: np.hsplit(a, 2)[1], lambda a, b, v, t: np.vsplit(b, 2)[0], lambda a, b, v, t: np.dsplit(t, [1])[1],
    lambda a, b, v, t: np.block([[a, a], [np.zeros((1, 8))]]), lambda a, b, v, t: np.block([v, 1.5]),
    lambda a, b, v, t: np.block([[t, 2 * t], [-t, t]]), lambda a, b, v, t: np.meshgrid(v, v[:2], v[:3])[2],
    lambda a, b, v, t: np.einsum("ijj->i", t[..., :3]),
    lambda a, b, v, t: np.meshgrid(v)[0], lambda a, b, v, t: np.matrix_transpose(t),
    lambda a, b, v, t: np.argsort(np.sign(np.resize(a, 90)), kind="stable"),
    lambda a, b, v, t: np.argsort(np.sign(np.resize(a, 90)), stable=True),
    lambda a, b, v, t: np.flip(t, axis=(0, 2)), lambda a, b, v, t: np.flip(m=t), lambda a, b, v, t: np.fliplr(a),
    lambda a, b, v, t: np.roll(a, 2), lambda a, b, v, t: np.roll(a, shift=(1, -1), axis=(0, 1)),
    lambda a, b, v, t: np.flipud(a), lambda a, b, v, t: np.rot90(t, k=-1, axes=(1, 2)),
    lambda a, b, v, t: np.tile(a, reps=(2, 1, 2)), lambda a, b, v, t: np.tile(v, 3), lambda a, b, v, t: np.repeat(a, 2),
    lambda a, b, v, t: np.repeat(a, repeats=[1, 0, 2], axis=0), lambda a, b, v, t: np.pad(a, 1),
    lambda a, b, v, t: np.pad(a, ((1, 0), (0, 2)), mode="reflect"),
    lambda a, b, v, t: np.pad(v, (2, 1), constant_values=(3, -1)),
    lambda a, b, v, t: np.take(a, I, axis=1), lambda a, b, v, t: np.take(a, [0, -1]),
    lambda a, b, v, t: np.take(v, 7, mode="wrap"), lambda a, b, v, t: np.take(a, indices=9, mode="clip"),
    lambda a, b, v, t: np.take_along_axis(a, np.argsort(a, 1), axis=1),
    lambda a, b, v, t: np.compress([True, False, True], a, axis=0), lambda a, b, v, t: np.compress([0, 1, 1], a),
    lambda a, b, v, t: np.extract(a > 0, a), lambda a, b, v, t: np.delete(a, 1, axis=0),
    lambda a, b, v, t: np.delete(a, [0, -1]), lambda a, b, v, t: np.delete(a, slice(None, None, 2), 1),
    lambda a, b, v, t: np.insert(a, 1, v, axis=0), lambda a, b, v, t: np.insert(v, [0, 2, 2], [7.0, 8.0, 9.0]),
    lambda a, b, v, t: np.insert(a, -1, 5.0, axis=1), lambda a, b, v, t: np.resize(a, (2, 7)),
    lambda a, b, v, t: np.resize(v, 6),
    lambda a, b, v, t: np.insert(a, slice(0, 2), v, 0),
    lambda a, b, v, t: np.select([a > 1, a > 0], [a, a**2], default=-1),
    lambda a, b, v, t: np.choose([0, 1, 1, 0], [v, 2 * v]), lambda a, b, v, t: np.choose([1, 1, 1, 1], [v, 2 * v]),
    lambda a, b, v, t: np.choose([0, 3, -1, 2], [v, 2 * v], mode="wrap"),
    lambda a, b, v, t: np.choose([0, 3, -1, 2], [v, 2 * v], mode="clip"), lambda a, b, v, t: np.sort(a),
    lambda a, b, v, t: np.sort(a, axis=None), lambda a, b, v, t: np.sort(a, 0, kind="stable"),
    lambda a, b, v, t: np.argsort(a, axis=0), lambda a, b, v, t: np.argsort(a, None),
    lambda a, b, v, t: np.unique(np.sign(a)), lambda a, b, v, t: np.unique(np.sign(a), return_counts=True)[1],
    lambda a, b, v, t: np.nonzero(a > 0)[1], lambda a, b, v, t: np.argwhere(a > 0),
    lambda a, b, v, t: np.flatnonzero(v > 0), lambda a, b, v, t: np.where(v > 0)[0],
    lambda a, b, v, t: np.searchsorted(np.sort(v), v, side="right"), lambda a, b, v, t: np.partition(v, 1)[1],
    lambda a, b, v, t: np.digitize(v, [-1.0, 0.0, 1.0]), lambda a, b, v, t: np.isin(np.sign(v), [1.0]),
    lambda a, b, v, t: np.diag(v, k=1), lambda a, b, v, t: np.diag(a), lambda a, b, v, t: np.diagflat(v),
    lambda a, b, v, t: np.diagonal(t, offset=1, axis1=1, axis2=2), lambda a, b, v, t: np.trace(t, axis1=1, axis2=2),
    lambda a, b, v, t: np.tril(t, k=-1), lambda a, b, v, t: np.triu(a), lambda a, b, v, t: np.matmul(a, b),
    lambda a, b, v, t: np.dot(a, v), lambda a, b, v, t: np.dot(v, 2.0), lambda a, b, v, t: np.inner(a, v),
    lambda a, b, v, t: np.vdot(a, b), lambda a, b, v, t: np.outer(a, v), lambda a, b, v, t: np.kron(v, a),
    lambda a, b, v, t: np.cross(b, b[::-1]), lambda a, b, v, t: np.cross(t[..., :3], t[..., 1:]),
    lambda a, b, v, t: np.cross(t, t[::-1], axis=1), lambda a, b, v, t: np.cross(t, t[::-1], axisa=1, axisb=1, axisc=0),
    lambda a, b, v, t: np.tensordot(t, a, axes=([1, 2], [0, 1])),
    lambda a, b, v, t: np.tensordot(a, b, 1), lambda a, b, v, t: np.einsum("ij,jk->ik", a, b),
    lambda a, b, v, t: np.einsum("ij,j", a, v, optimize=True), lambda a, b, v, t: np.einsum(a, [0, 1], b, [1, 2]),
    lambda a, b, v, t: np.linalg.tensorinv(np.eye(6).reshape(6, 2, 3) + v[0], ind=1),
    lambda a, b, v, t: np.linalg.tensorsolve(np.eye(6).reshape(2, 3, 6) + v[0], a[:2, :3]),
    lambda a, b, v, t: np.linalg.tensorsolve(np.eye(6).reshape(2, 6, 3) + v[0], a[:2, :3], axes=[1]),
    lambda a, b, v, t: np.quantile(a, 0.3, axis=1, method="lower"), lambda a, b, v, t: [[1.0, 2.0, 0.5]] @ a,
]  # fmt: skip
if hasattr(np, "unstack"):  # NumPy 2.1
    CALLS += [lambda a, b, v, t: np.unstack(t, axis=1)[2], lambda a, b, v, t: np.reshape(a, shape=12)]
if np.lib.NumpyVersion(np.__version__) >= "2.4.0":
    CALLS += [lambda a, b, v, t: np.pad(a, {0: 1}, "edge")]
if hasattr(np, "matvec"):  # NumPy 2.2
    CALLS += [lambda a, b, v, t: np.matvec(t, v), lambda a, b, v, t: np.vecmat(v, t.mT)]


@pytest.mark.parametrize("call", CALLS)
def test_a_call_on_tensors_is_a_call_on_arrays(call):
    arrays = (A, B, V, T)
    found = call(*[mg.tensor(x, requires_grad=True) for x in arrays])
    wanted = call(*arrays)
    assert isinstance(found, mg.Tensor)
    np.testing.assert_allclose(found.detach().numpy(), wanted, rtol=1e-10, atol=1e-12)
    assert found.dtype == wanted.dtype


def test_the_path_of_an_einsum_is_numpys():
    assert np.einsum_path("ij,jk,k", mg.tensor(A), mg.tensor(B), V[:3]) == np.einsum_path("ij,jk,k", A, B, V[:3])


def test_a_call_that_no_operation_answers_for_says_so():
    x = mg.tensor(A)
    with pytest.raises(TypeError, match=r"np\.trim_zeros: has no gradient rule here, so it does not take tensors"):
        np.trim_zeros(x)
    with pytest.raises(TypeError, match="order"):
        np.argsort(x, order="name")
    with pytest.raises(ValueError, match="reshape: order must be 'C' or 'F', got 'A'"):
        np.reshape(x, 12, order="A")
    with pytest.raises(ValueError, match="select: 1 conditions, but 2 choices"):
        np.select([x > 0], [x, x])
    with pytest.raises(IndexError, match=r"choose: numbers must be within 0\.\.1, got 0 to 2"):
        np.choose([0, 2, 1, 0], [x, x])
    with pytest.raises(ValueError, match="where: needs both choices or none, got 1"):
        np.where(x > 0, x)
    assert x.tolist() == A.tolist()
