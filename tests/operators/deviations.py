"""Where PyTorch's samples end otherwise here: by cause, each with its reason, the check that differs, and the operators.

`when` says which samples of these operators are meant; the others must agree. A cause without a deviation fails, too.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch

from tests.operators.samples import Sample, leaves


class Cause(NamedTuple):
    """A reason, what differs for it (see `comparison`), in which operators, and in which of their samples."""

    reason: str
    checks: str
    operators: str
    when: Callable[[Sample], bool] = lambda sample: True


def of_integers(sample: Sample) -> bool:
    return sample.dtype in ("int64", "uint8", "bool")


def of_bytes(sample: Sample) -> bool:
    return sample.dtype == "uint8"


def of_a_number(sample: Sample) -> bool:
    return not all(isinstance(a, torch.Tensor) for a in sample.arguments)


def with_out(sample: Sample) -> bool:
    return "out" in sample.options


def with_fractions(sample: Sample) -> bool:
    return of_integers(sample) and any(leaves((sample.arguments, sample.options), float))


def with_repeated_indices(sample: Sample) -> bool:
    planes = sample.arguments[1].flatten(sample.arguments[1].ndim - int(sample.name[-2]))
    return any(len(set(row)) < len(row) for row in planes.reshape(-1, planes.shape[-1]).tolist())


def says(*words: str) -> Callable[[Sample], bool]:
    return lambda sample: any(word in sample.error for word in words)


def has(*names: str) -> Callable[[Sample], bool]:
    return lambda sample: any(sample.options.get(name) for name in names)


def shaped(*ndims: int) -> Callable[[Sample], bool]:
    return lambda sample: sample.arguments[0].ndim in ndims


def empty(sample: Sample) -> bool:
    return sample.arguments[0].numel() == 0


def at_the_origin(sample: Sample) -> bool:
    return not sample.arguments[0].any()


def broadcast(sample: Sample) -> bool:
    return sample.arguments[0].shape != sample.arguments[1].shape


CAUSES = [
    # Accepted here, refused there
    Cause(
        "numbers are taken where PyTorch wants tensors, as in NumPy",
        "accepted",
        """
        atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor clamp_max clamp_min
        copysign eq float_power fmax fmin fmod gcd ge gt heaviside hypot isclose lcm ldexp le logaddexp logical_and
        logical_or logical_xor lt max maximum min minimum ne nextafter pow remainder rsub special.xlog1py xlogy""",
        of_a_number,
    ),
    Cause(
        "`out` may have any dtype to which the result can be cast, in every operation",
        "accepted", "aminmax cat gather multinomial", with_out,
    ),
    Cause(
        "dtypes mix, by promotion",
        "accepted",
        "nn.functional.conv1d nn.functional.conv2d nn.functional.conv3d scatter scatter_add",
        says("should be the same", "Expected self.dtype"),
    ),
    Cause(
        "integers become the default float dtype in functions of floats, as in NumPy",
        "accepted", "mean multinomial", says("Input dtype must be", "only supports floating-point"),
    ),
    Cause("NumPy's meaning for more axes: the last two are left, others broadcast", "accepted", "linalg.cross trace"),
    Cause("NumPy broadcasts shifts and axes", "accepted", "roll", says("must align")),
    Cause("a 0-d tensor has the axes 0 and -1, as one element", "accepted", "roll", shaped(0)),
    Cause("nothing to pool gives nothing", "accepted", "nn.functional.max_pool1d nn.functional.max_pool3d", empty),
    # Refused here, accepted there
    Cause("2 ** -1 is no integer", "refused", "__rpow__", of_integers),
    Cause("nothing is truncated, and nothing wraps around, silently", "refused", "full_like scatter", of_integers),
    Cause("the mean of nothing is nearly always a mistake", "refused", "std std_mean var var_mean", empty),
    Cause("a target that is broadcast is nearly always a mistake", "refused", "nn.functional.gaussian_nll_loss", broadcast),
    Cause(
        "targets are not differentiated", "refused", "nn.functional.cross_entropy", lambda s: s.arguments[1].requires_grad
    ),
    Cause(
        "one shape for every layer: (N, C, ...), or (C,) for a loss of one item, with a label of no axes",
        "refused",
        "nn.functional.batch_norm nn.functional.feature_alpha_dropout nn.functional.multi_margin_loss "
        "nn.functional.multilabel_margin_loss",
        shaped(0, 1),
    ),
    Cause("a stride of no numbers is a mistake", "refused", "nn.functional.avg_pool2d", lambda s: s.arguments[2:3] == ((),)),
    Cause(
        "an argument that is missing: tests/parity/differences.txt",
        "refused", "linalg.lstsq", lambda s: "driver" in s.options or len(s.arguments) > 2,
    ),
    Cause("options of the deprecated `lu`: tests/parity/differences.txt", "refused", "lu"),
    Cause(
        "gradients are not scaled by frequency",
        "refused", "nn.functional.embedding", has("scale_grad_by_freq"),
    ),
    # Of another dtype
    Cause("the answer to a question is a bool, for bytes, too", "dtype", "all any", of_bytes),
    Cause(
        "a mean is no integer, and neither is a fraction of one",
        "dtype",
        "addbmm addmv baddbmm nn.functional.avg_pool1d nn.functional.avg_pool2d nn.functional.avg_pool3d "
        "nn.functional.feature_alpha_dropout nn.functional.interpolate nn.functional.local_response_norm "
        "nn.functional.upsample_bilinear",
        of_integers,
    ),
    Cause("numbers beside booleans count as integers", "dtype", "addr", lambda s: s.dtype == "bool"),
    # Of other values
    Cause("a mean is no integer, also on the way", "values", "nn.functional.local_response_norm", of_integers),
    Cause(
        "bytes do not wrap around inside a formula",
        "values",
        "cumulative_trapezoid nn.functional.margin_ranking_loss nn.functional.pairwise_distance "
        "nn.functional.triplet_margin_loss nn.functional.triplet_margin_with_distance_loss trapezoid trapz",
        of_bytes,
    ),
    Cause(
        "weights of float32 beside values of float64: PyTorch adds them up in float32",
        "values gradient gradient2", "cov", lambda s: s.options.get("aweights") is not None,
    ),
    # Of other gradients
    Cause("1/6 in full, not rounded to float32", "gradient", "nn.functional.hardsigmoid"),
    Cause(
        "the derivative itself; PyTorch's lacks what `log_softmax` before it cancels", "gradient", "nn.functional.ctc_loss"
    ),
    Cause("no gradient for the half of a matrix that is not read", "gradient", "cholesky_inverse cholesky_solve"),
    Cause(
        "of elements that go to one place the last stays, and has the gradient; in PyTorch all have",
        "gradient",
        "nn.functional.max_unpool1d nn.functional.max_unpool2d nn.functional.max_unpool3d",
        with_repeated_indices,
    ),
    Cause("derivatives of a norm are 0 at the origin", "gradient gradient2", "linalg.norm", at_the_origin),
]  # fmt: skip

# Operators without a counterpart.
ABSENT = {
    "complex numbers are outside": """
        angle cdouble cfloat chalf complex conj_physical fft.fft fft.fft2 fft.fftn fft.fftshift fft.hfft fft.hfft2 fft.hfftn
        fft.ifft fft.ifft2 fft.ifftn fft.ifftshift fft.ihfft fft.ihfft2 fft.ihfftn fft.irfft fft.irfft2 fft.irfftn fft.rfft
        fft.rfft2 fft.rfftn imag istft linalg.eig linalg.eigvals polar resolve_conj resolve_neg stft view_as_complex
        view_as_real""",
    "sparse and masked tensors are outside": """
        masked.amax masked.amin masked.argmax masked.argmin masked.cumprod masked.cumsum masked.log_softmax masked.logaddexp
        masked.logsumexp masked.mean masked.median masked.norm masked.normalize masked.prod masked.softmax masked.softmin
        masked.std masked.sum masked.var sparse.mm sparse.sampled_addmm to_sparse""",
    "a dtype that NumPy does not have": "bfloat16",
    "strides belong to NumPy, and a copy is `clone`": """
        alias_copy as_strided as_strided_copy as_strided_scatter diagonal_copy empty_permuted empty_strided expand_copy
        narrow_copy new_empty_strided permute_copy split_with_sizes_copy squeeze_copy t_copy transpose_copy unbind_copy
        unfold_copy unsqueeze_copy view_copy""",
    "internal to PyTorch": """
        __rdiv__ _batch_norm_with_update _chunk_cat _native_batch_norm_legit _segment_reduce _softmax_backward_data
        _unsafe_masked_index _unsafe_masked_index_put_accumulate _upsample_bilinear2d_aa constant_pad_nd grid_sampler_2d
        grid_sampler_3d hash_tensor jiterator_2inputs_2outputs jiterator_4inputs_with_extra_args jiterator_binary
        jiterator_binary_return_by_ref jiterator_unary max_pool2d_with_indices_backward native_batch_norm
        native_dropout_backward native_group_norm native_layer_norm nonzero_static slice torch._scaled_mm
        torch._scaled_mm_v2 torch.ops.aten._efficient_attention_forward torch.ops.aten._flash_attention_forward
        torch.ops.aten._safe_softmax.default unsafe_chunk unsafe_split""",
    "deprecated by PyTorch, which names another": "geqrf ormqr triangular_solve",
    "special functions and factorizations that networks do not use; SciPy has them": """
        histogramdd i0 igamma igammac linalg.householder_product linalg.ldl_factor linalg.ldl_factor_ex linalg.ldl_solve
        linalg.solve_ex mvlgamma special.airy_ai special.bessel_j0 special.bessel_j1 special.bessel_y0 special.bessel_y1
        special.chebyshev_polynomial_t special.chebyshev_polynomial_u special.chebyshev_polynomial_v
        special.chebyshev_polynomial_w special.hermite_polynomial_h special.hermite_polynomial_he special.i0e special.i1
        special.i1e special.laguerre_polynomial_l special.legendre_polynomial_p special.modified_bessel_i0
        special.modified_bessel_i1 special.modified_bessel_k0 special.modified_bessel_k1 special.scaled_modified_bessel_k0
        special.scaled_modified_bessel_k1 special.shifted_chebyshev_polynomial_t special.shifted_chebyshev_polynomial_u
        special.shifted_chebyshev_polynomial_v special.shifted_chebyshev_polynomial_w special.spherical_bessel_j0
        special.zeta""",
    "windows, decompositions by random projections, and other functions that no program met": """
        frexp linalg.lu_factor_ex nn.functional.fractional_max_pool2d nn.functional.fractional_max_pool3d
        nn.functional.linear_cross_entropy pca_lowrank signal.windows.bartlett signal.windows.blackman signal.windows.cosine
        signal.windows.exponential signal.windows.gaussian signal.windows.general_cosine signal.windows.general_hamming
        signal.windows.hamming signal.windows.hann signal.windows.kaiser signal.windows.nuttall svd_lowrank""",
}


def causes(name: str) -> dict[str, Cause]:
    """Return the causes that name an operator, by their reasons."""
    return {cause.reason: cause for cause in CAUSES if name in cause.operators.split()}


def cause_of(sample: Sample, check: str) -> str | None:
    """Return the reason for which a check of a sample may differ, or None."""
    for cause in causes(sample.name).values():
        if check in cause.checks.split() and cause.when(sample):
            return cause.reason
    return None
