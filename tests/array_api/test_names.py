"""The namespace has every name of the standard, with its signature, but for complex numbers."""

import inspect
import subprocess
import sys

import pytest

import minigrad as mg
import minigrad.array_api as xp


def words(text):
    return text.split()


NAMES = words("""
    __array_api_version__ __array_namespace_info__ abs acos acosh add all any arange argmax argmin argsort asarray asin asinh
    astype atan atan2 atanh bitwise_and bitwise_invert bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor bool
    broadcast_arrays broadcast_to can_cast ceil clip concat conj copysign cos cosh count_nonzero cumulative_prod
    cumulative_sum diff divide e empty empty_like equal exp expand_dims expm1 eye finfo flip float32 float64 floor
    floor_divide from_dlpack full full_like greater greater_equal hypot iinfo inf int16 int32 int64 int8 isdtype isfinite
    isinf isnan less less_equal linalg linspace log log10 log1p log2 logaddexp logical_and logical_not logical_or
    logical_xor matmul matrix_transpose max maximum mean meshgrid min minimum moveaxis multiply nan negative newaxis
    nextafter nonzero not_equal ones ones_like permute_dims pi positive pow prod real reciprocal remainder repeat reshape
    result_type roll round searchsorted sign signbit sin sinh sort sqrt square squeeze stack std subtract sum take
    take_along_axis tan tanh tensordot tile tril triu trunc uint16 uint32 uint64 uint8 unique_all unique_counts
    unique_inverse unique_values unstack var vecdot where zeros zeros_like
""")  # of 2024.12
LINALG = words("""
    cholesky cross det diagonal eigh eigvalsh inv matmul matrix_norm matrix_power matrix_rank matrix_transpose outer pinv qr
    slogdet solve svd svdvals tensordot trace vecdot vector_norm
""")
REFUSED = ("complex64", "complex128", "fft", "imag")
ARRAY = words("""
    __abs__ __add__ __and__ __array_namespace__ __bool__ __complex__ __dlpack__ __dlpack_device__ __eq__ __float__
    __floordiv__ __ge__ __getitem__ __gt__ __index__ __int__ __invert__ __le__ __lshift__ __lt__ __matmul__ __mod__ __mul__
    __ne__ __neg__ __or__ __pos__ __pow__ __rshift__ __setitem__ __sub__ __truediv__ __xor__ to_device
    T device dtype mT ndim shape size
""")


def test_every_name_of_the_standard():
    assert [name for name in NAMES if not hasattr(xp, name)] == []
    assert [name for name in LINALG if not hasattr(xp.linalg, name)] == []
    assert [name for name in ARRAY if not hasattr(xp.ones((1, 1)), name)] == []
    assert set(NAMES) <= set(dir(xp)) and set(dir(xp)) - {*NAMES} == {"broadcast_shapes", "isin"}  # of 2025.12
    assert sorted(xp.linalg.__all__) == LINALG


@pytest.mark.parametrize("name", REFUSED)
def test_complex_numbers_are_refused(name):
    assert not hasattr(xp, name)
    with pytest.raises(AttributeError, match=f"no attribute '{name}'\n  hint: complex numbers are outside of minigrad"):
        getattr(xp, name)


def test_another_name_has_no_hint():
    with pytest.raises(AttributeError, match=r"no attribute 'permute'$"):
        xp.permute  # noqa: B018


def accepts(ours, theirs):
    """Return whether a function takes every call that the standard's takes, and with the same defaults."""
    ours, theirs = ([*inspect.signature(function).parameters.values()] for function in (ours, theirs))
    named = {p.name: p for p in ours if p.kind is not p.POSITIONAL_ONLY}
    met = []
    for at, p in enumerate(theirs):
        found = ours[at] if p.kind is p.POSITIONAL_ONLY else named.get(p.name)
        if found is None or (p.kind is p.POSITIONAL_ONLY and found.kind is found.KEYWORD_ONLY):
            return False
        default = None if str(p.default) == "Undef.UNDEF" else p.default
        if found.default != default and not (p.default is p.empty and found.default is not p.empty):
            return False
        met.append(found)
    return all(p in met or p.default is not p.empty or p.kind is p.VAR_POSITIONAL for p in ours)


def test_signatures_are_the_standards():
    strict = pytest.importorskip("array_api_strict", reason="array_api_strict has the standard's signatures")
    compared = 0
    for theirs, ours, names in ((strict, xp, NAMES), (strict.linalg, xp.linalg, LINALG)):
        for name in names:
            if inspect.isfunction(getattr(theirs, name, None)):
                assert accepts(getattr(ours, name), getattr(theirs, name)), name
                compared += 1
    assert compared > 140
    assert not accepts(mg.std, strict.std) and not accepts(mg.repeat, strict.repeat)  # PyTorch's, which mean something else


def test_a_tensor_has_the_namespace():
    x = mg.ones(2)
    assert x.__array_namespace__() is x.__array_namespace__(api_version="2023.12") is xp
    with pytest.raises(ValueError, match=r"no version '2031\.12', the last is 2024\.12"):
        x.__array_namespace__(api_version="2031.12")
    code = "import sys, minigrad; print('minigrad.array_api' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_inspection():
    info = xp.__array_namespace_info__()
    assert info.capabilities()["boolean indexing"] and info.devices() == [info.default_device()] == [xp.ones(1).device]
    assert info.default_dtypes() == {"real floating": xp.float32, "integral": xp.int64, "indexing": xp.int64}
    assert set(info.dtypes(kind=("bool", "unsigned integer"), device="cpu")) == {
        "bool",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
    }
    assert info.dtypes(kind="complex floating") == {} and len(info.dtypes()) == 11
    with pytest.raises(ValueError, match="there is no 'cuda'"):
        info.dtypes(device="cuda")
    for dtype in info.dtypes().values():
        assert xp.zeros(1, dtype=dtype).dtype == dtype and hash(xp.zeros(1, dtype=dtype).dtype) == hash(dtype)


def test_the_default_dtype_is_the_librarys():
    mg.set_default_dtype(mg.float64)
    try:
        assert xp.ones(1).dtype == xp.arange(1.0).dtype == xp.asarray(1.5).dtype == xp.eye(1).dtype == xp.float64
        assert xp.__array_namespace_info__().default_dtypes()["real floating"] == xp.float64
    finally:
        mg.set_default_dtype(mg.float32)
