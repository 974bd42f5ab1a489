"""HIPS autograd's interface: in its programs, replace the word ``autograd`` by ``minigrad.interop.hips``.

    >>> import minigrad.interop.hips.numpy as np  # also called minigrad.numpy
    >>> from minigrad.interop.hips import grad
    >>> grad(lambda x: np.sum(np.sin(x)))(np.zeros(2))
    array([1., 1.])

As there, a derivative has the type of what it belongs to, and float64 is the precision: of an array it is an array, of a
number a float64. Documentation of HIPS autograd: https://github.com/HIPS/autograd (Maclaurin, Duvenaud and Adams, 2015).
"""

from minigrad.interop.hips.operators import *
