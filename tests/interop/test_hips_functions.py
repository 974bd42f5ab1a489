"""Every function of NumPy that HIPS autograd differentiates has the same gradient here, or is refused by name."""

import minigrad.numpy as np
import numpy
import pytest

from minigrad.interop import hips

TEXT = """
abs(x) absolute(x) amax(x,0) amin(x) arccos(x/3) arccosh(x+1) arcsin(x/3) arcsinh(x) arctan(x) arctan2(x,2.) arctan2(2.,x)
arctanh(x/3) array([x,x]) array_split(x,2)[0] atleast_1d(x[0,0]) atleast_2d(x[0]) atleast_3d(x) broadcast_to(x[:1],(3,3))
clip(x,.6,1.) column_stack([x,x]) concatenate([x,x],1) cos(x) cosh(x) cross(x,x[::-1]) cumsum(x,1) deg2rad(x) degrees(x)
diag(x) diagonal(x,axis1=-1,axis2=-2) diff(x) divide(1.,x) dot(x,x) dsplit(x[None],3)[0] einsum('ij,jk',x,x)
einsum('ij->j',x) exp(x) exp2(x) expand_dims(x,1) expm1(x) fabs(x) fliplr(x) flipud(x) fmax(x,1.) fmin(x,1.)
hsplit(x,3)[1] hstack([x,x]) inner(x,x) kron(x[0],x[1]) linalg.cholesky(x@x.T+np.eye(3)) linalg.det(x)
linalg.eigh(x+x.T)[0] linalg.inv(x+np.eye(3)) linalg.norm(x) linalg.norm(x,axis=0) linalg.pinv(x)
linalg.slogdet(x@x.T+np.eye(3))[1] linalg.solve(x+np.eye(3),x) linalg.svd(x,compute_uv=False) log(x) log10(x) log1p(x)
log2(x) logaddexp(x,1.) logaddexp2(x,1.) matmul(x,x) max(x,0) maximum(x,1.) mean(x,1) min(x) minimum(x,1.) mod(x,.7)
mod(2.,x) remainder(x,.7) moveaxis(x,0,1) multiply(x,x) nan_to_num(x) negative(x) outer(x[0],x[1]) pad(x,1,'constant')
partition(x[0],1) power(x,2.5) power(2.,x) prod(x) rad2deg(x) radians(x) ravel(x) real(x) reciprocal(x) repeat(x,2,0)
reshape(x,(9,)) roll(x,1) rollaxis(x,1) rot90(x) select([x>1.,x>.7],[x,x*2]) sin(x) sinc(x) sinh(x) sort(x[0])
split(x,3)[0] sqrt(x) square(x) squeeze(x[None]) stack([x,x],1) std(x,1) std(x,ddof=1) subtract(x,1.) sum(x,0)
swapaxes(x,0,1) tan(x) tanh(x) tensordot(x,x,1) tile(x,(2,1)) trace(x) transpose(x) tril(x) triu(x,1) true_divide(x,3.)
var(x,0) vsplit(x,3)[1] vstack([x,x]) where(x>1.,x,0.) full((2,2),x[0,0]) append(x,x) sum([x[0],x[1]]) mean([x[0],x[1]])
array([[x[0,0],1.],[2.,x[1,1]]]) hypot(x,2.) add(x,x)
"""
CALLS = TEXT.split()
REFUSED = {
    "angle",
    "astype",
    "conjugate",
    "conj",
    "eig",
    "gradient",
    "imag",
    "linspace",
    "real_if_close",
}  # complex, or rare
X = numpy.random.RandomState(0).rand(3, 3) + 0.5


def gradient(np, grad, call):
    f = eval(f"lambda x: np.{call}", {"np": np})

    def weighted(x):
        y = f(x)
        return np.sum(y**2 * numpy.random.RandomState(1).rand(*np.shape(y)))

    return grad(weighted)(X)


@pytest.mark.parametrize("call", CALLS)
def test_a_function(call):
    autograd = pytest.importorskip("autograd", reason="HIPS autograd is not installed")
    import autograd.numpy as theirs

    expected = gradient(theirs, autograd.grad, call)
    numpy.testing.assert_allclose(gradient(np, hips.grad, call), expected, rtol=1e-10, atol=1e-13)


def test_every_function_that_hips_differentiates_is_tried():
    pytest.importorskip("autograd", reason="HIPS autograd is not installed")
    import autograd.numpy as theirs
    from autograd.core import primitive_vjps

    tried = {call.partition("(")[0].rpartition(".")[2] for call in CALLS}
    known = {}  # one of the names of each function
    for space, original in ((theirs, numpy), (theirs.linalg, numpy.linalg)):
        known |= {
            value: name
            for name, value in vars(space).items()
            if callable(value) and value in primitive_vjps and hasattr(original, name)
        }
    same = {value for space in (theirs, theirs.linalg) for name, value in vars(space).items() if name in tried}
    assert len(known) > 100 and {name for value, name in known.items() if value not in same} - REFUSED == set()


@pytest.mark.parametrize("name", sorted(REFUSED - {"conj", "conjugate", "eig", "imag"}))
def test_a_refusal(name):
    with pytest.raises(TypeError, match="has no gradient rule here"):
        hips.grad(
            lambda x: np.sum(getattr(np, name)(*{"linspace": (0.0, x[0, 0], 3), "astype": (x, float)}.get(name, (x,))))
        )(X)
