"""Make the stubs of the public functions and of Tensor's methods: ``python -m tests.typing.stubs``.

Operations are objects that decide by their arguments: a tensor in, a tensor out; arrays in, arrays out. A type checker
cannot see that in the code. Each stub is made of the signatures at runtime and of the tables below, which say what a
signature does not: which arguments are operands, of what type the others are, and what an operation returns. An argument
that no table knows is an error. tests/typing/test_typing.py compares the files with the output of this script.

* An operation has an overload for each operand that may be the tensor; then one for arrays, then one for numbers and lists.
  Arrays give Any where the result may be one of NumPy's scalars (a sum, a product of vectors).
* Options have PyTorch's names and NumPy's beside their own (`ALIASES`), as keywords: ``sum(x, dim=1, keepdim=True)``. Where
  a required argument has another name, there is an overload with it. Operands have their own names alone: they are given by
  position.
* What is defined with annotations (`Tensor.view`, `nn.functional.pad`) keeps them.
"""

from __future__ import annotations

import functools
import inspect
import re
import textwrap
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import minigrad as mg
from minigrad import ops
from minigrad.engine.arguments import names_for
from minigrad.engine.primitive import Primitive
from minigrad.nn import functional
from minigrad.ops.decomposition import LU, QR, SVD, CholeskyAttempt, Eigen, LUFactors, SVDColumns
from minigrad.ops.predicates import Histogram
from minigrad.ops.reduction import MinMax
from minigrad.ops.scan import Extremum
from minigrad.ops.solving import InverseAttempt, LeastSquares, SignedLogarithm
from minigrad.ops.sorting import Sorted
from minigrad.tensors.methods import Methods

KEYWORD = inspect.Parameter.KEYWORD_ONLY
ROOT = Path(mg.__file__).parent
WIDTH = 125


def words(text: str) -> set[str]:
    return set(text.split())


# What decides whether the result is a tensor, if it is required; otherwise it may be None or a tensor.
OPERANDS = words(
    """x y a b v g x1 x2 xp fp input input1 input2 target anchor positive negative logits weight bias query key mat mat1 mat2
    vec vec1 vec2 batch1 batch2 tensor1 tensor2 start end col condition min max source src value values triangle element
    test_elements boundaries sorted_sequence var running_mean running_var pos_weight attn_mask append prepend
    fweights aweights
    weights constant_values other arrays operands q grid theta log_probs LU LU_data B per_sample_weights
    key_padding_mask q_proj_weight k_proj_weight v_proj_weight static_k static_v"""
)
SIZES = "_Sizes"
INDEX = "_Like | slice | EllipsisType | None"  # or a tuple of these, which `_Like` has
OPTIONS = {  # arguments without a type of their own, or with a type that needs another name here
    "alpha": "_Like", "atol": "_Like | None", "axes": "Any", "axis": "_Axis", "bins": "_Like", "bias_k": "_Like | None",
    "bias_v": "_Like | None", "dilation": SIZES, "dim0": "int | None", "dim1": "int | None", "dtype": "DType",
    "in_proj_bias": "_Like | None", "in_proj_weight": "_Like | None", "index": INDEX, "indices": "_Like",
    "input_lengths": "_Like", "kernel_size": SIZES, "kth": SIZES, "left": "_Like | None", "LU_pivots": "_Like",
    "mask": "_Like", "offsets": "_Like | None", "optimize": "Any", "options": "Any", "ord": "float | str | None",
    "out_proj_bias": "_Like | None", "out_proj_weight": "_Like", "output_padding": SIZES,
    "output_size": "int | Sequence[int | None] | None", "p": "float | str | None", "pad": SIZES, "pad_width": "Any",
    "padding": f"{SIZES} | str", "pivots": "_Like", "range": "Sequence[float] | None", "reduce": "bool | None",
    "repeats": "_Like | None",
    "right": "_Like | None",
    "rounding_mode": 'Literal["floor", "trunc"] | None', "rtol": "_Like | None", "size": f"{SIZES} | None",
    "size_average": "bool | None", "sizes": SIZES,
    "sorter": "_Like | None", "spacing": "Any", "stride": SIZES, "subscripts": "str", "target_lengths": "_Like",
    "targets": "_Like",
    "tol": "_Like | None", "widths": "Any",
}  # fmt: skip
NUMBERS = {
    "pad": {"value"},
    "narrow": {"start"},
    "rollaxis": {"start"},
    "threshold": {"value"},
    "moveaxis": {"source"},
    "movedim": {"source"},
}
VALUES = {"Any", "Array", "Value", "None"}  # the words in the annotation of an operand
ANNOTATIONS = {  # types in the code: what they are here
    r"\bAxis( \| None)?(?!\w)": "_Axis", r"\b(Shape|Sizes)\b": "_Sizes", r"\bSize\b": SIZES,
    r"\bSections\b": "_Like", r"\bWidths\b": "Any", r"tuple\[int, \.\.\.\]": "Sequence[int]",
    r"int \| (_Sizes|Sequence\[int\])": SIZES,
}  # fmt: skip
NAMED = (Sorted, Extremum, Histogram, MinMax, SignedLogarithm, LeastSquares, InverseAttempt, CholeskyAttempt,
         LUFactors, LU, Eigen, QR,
         SVDColumns, SVD)  # fmt: skip
RESULTS = {  # of a tensor, `T`; what is not here and has no named tuple in its signature returns a tensor
    **dict.fromkeys(("split", "chunk", "tensor_split", "hsplit", "vsplit", "dsplit"), "tuple[T, ...]"),
    **dict.fromkeys(("unbind", "broadcast_tensors", "meshgrid"), "tuple[T, ...]"),
    "array_split": "list[T]",
    "gradient": "tuple[T, ...]",
    "unravel_index": "tuple[T, ...]",
    **dict.fromkeys(("divmod", "modf", "std_mean", "var_mean"), "tuple[T, T]"),
    "multi_head_attention_forward": "tuple[T, T | None]",
    "output_size": "int",
    **{cls: f"{cls}[T]" for cls in (cls.__name__ for cls in NAMED)},
}
# What may return one of NumPy's scalars, given arrays.
SCALARS = words(
    """all amax amin any argmax argmin average binary_cross_entropy binary_cross_entropy_with_logits cond corrcoef
    cosine_embedding_loss cosine_similarity count_nonzero cov cross_entropy ctc_loss det dist dot einsum
    gaussian_nll_loss getitem hinge_embedding_loss huber_loss inner interp kl_div l1_loss logdet logsumexp
    margin_ranking_loss matmul matrix_norm matrix_rank mean mse_loss multi_dot multi_margin_loss
    multilabel_margin_loss multilabel_soft_margin_loss nanmax nanmean nanmin nanprod nanquantile nanstd nansum nanvar
    nll_loss
    norm one_hot pairwise_distance poisson_nll_loss prod ptp quantile searchsorted select smooth_l1_loss
    soft_margin_loss std std_mean sum take tensordot trace trapezoid triplet_margin_loss
    triplet_margin_with_distance_loss var var_mean vdot vecdot vector_norm"""
)
# Names of PyTorch or NumPy that are shown beside those of an option; those of several axes where there may be several.
SHOWN = words("""axis diagonal dim dim0 dim1 dim2 indices keepdim keepdims offset rcond sections shifts size split_size""")
SHOWN_OF = {name: {"axes", "dims"} for name in ("flip", "permute", "roll", "rot90", "tile")} | {"take_along_axis": {"dim"}}
EXTREMUM = (  # without an axis, along one, of two
    "def {name}(x: Tensor) -> Tensor: ...",
    "def {name}(x: Tensor, axis: int, keepdims: bool = False, *, keepdim: bool = ...) -> Extremum[Tensor]: ...",
    "def {name}(x: Tensor, *, dim: int, keepdim: bool = ..., keepdims: bool = False) -> Extremum[Tensor]: ...",
    "def {name}(x: Tensor, *, keepdim: bool = ..., keepdims: bool = False) -> Tensor: ...",
)
OF_TWO = (
    "def {name}(x: Tensor, other: Tensor | Array) -> Tensor: ...",
    "def {name}(x: _Plain, other: Tensor) -> Tensor: ...",
    "def {name}(x: Array, other: Array) -> Array: ...",
)
ON_ARRAYS = (
    "def {name}(x: _Plain, axis: int | None = None, keepdims: bool = False, *, dim: int = ..., keepdim: bool = ...) -> Any: "
    "...",
)
UNIQUE = "sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, axis: int | None = None, *, " \
    "dim: int = ..."  # fmt: skip
RUNS = UNIQUE.partition(", ")[2]
BY_HAND = {  # functions whose result depends on their options
    "max": EXTREMUM + OF_TWO + ON_ARRAYS,
    "min": EXTREMUM + OF_TWO + ON_ARRAYS,
    "median": EXTREMUM + ON_ARRAYS,
    "nanmedian": EXTREMUM + ON_ARRAYS,
    "unique": (
        "def unique(x: Tensor, sorted: bool = True, *, axis: int | None = None, dim: int = ...) -> Tensor: ...",
        f"def unique(x: Tensor, {UNIQUE}) -> Any: ...",
        f"def unique(x: _Plain, {UNIQUE}) -> Any: ...",
    ),
    "unique_consecutive": (
        "def unique_consecutive(x: Tensor, *, axis: int | None = None, dim: int = ...) -> Tensor: ...",
        f"def unique_consecutive(x: Tensor, {RUNS}) -> Any: ...",
        f"def unique_consecutive(x: _Plain, {RUNS}) -> Any: ...",
    ),
    "nonzero": (
        "def nonzero(x: Tensor, as_tuple: Literal[False] = False) -> Tensor: ...",
        "def nonzero(x: Tensor, as_tuple: Literal[True]) -> tuple[Tensor, ...]: ...",
        "def nonzero(x: _Plain, as_tuple: bool = False) -> Any: ...",
    ),
    **{
        f"atleast_{n}d": (
            f"def atleast_{n}d(x: Tensor, /) -> Tensor: ...",
            f"def atleast_{n}d(*arrays: Tensor) -> Any: ...",
            f"def atleast_{n}d(*arrays: _Like) -> Any: ...",
        )
        for n in (1, 2, 3)
    },
}  # fmt: skip

MADE = (
    "_comparison",
    "_method",
    "_sizes_method",
    "_prefix",
    "_reflected",
    "_in_place",
    "_cast",
)  # what makes methods of operations

HEADER = '''"""Types of {what}; made by tests/typing/stubs.py, which says how."""

import builtins
from collections.abc import Callable, Sequence
from types import EllipsisType
from typing import Any, Generic, Literal, NamedTuple, Self, SupportsIndex, TypeVar, overload, type_check_only

import numpy as np

from minigrad.arrays import Array, DType, Traced
{imports}
from minigrad.tensors.tensor import Tensor

_Plain = Array | np.generic | float | list[Any] | tuple[Any, ...]  # all operands but tensors
_Like = Tensor | _Plain
_Axis = int | Sequence[int] | None
_Sizes = SupportsIndex | Sequence[SupportsIndex]
'''


class Argument(NamedTuple):
    """A parameter of a stub."""

    name: str
    kind: Any
    type: str
    default: str | None  # its text; None: required
    operand: bool

    def text(self, type: str) -> str:
        stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}.get(self.kind, "")
        return f"{stars}{self.name}: {type}" + ("" if self.default is None else f" = {self.default}")

    @property
    def keyword(self) -> bool:
        return self.kind in (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)


def raw(function: Any) -> Any:
    """Return the function behind an operation, with its annotations; a primitive made of a ufunc has none."""
    return inspect.unwrap(function, stop=lambda f: isinstance(f, Primitive) and f._signature is None)


def arguments(function: Any, name: str) -> list[Argument]:
    """Return the parameters of a function, classified by the tables."""
    shown = inspect.signature(function)
    annotated = inspect.signature(raw(function)).parameters
    out = []
    for p in shown.parameters.values():
        text = str(annotated[p.name].annotation) if p.name in annotated else ""
        text = "" if "inspect._empty" in text else text
        default = None if p.default is p.empty else repr(p.default)
        words = set(re.findall(r"\w+", text))
        operand = p.name in OPERANDS - NUMBERS.get(name, set()) and (words <= VALUES or p.name == "arrays")
        if operand:
            kind = text if text.startswith("Sequence") else "operand"
        elif p.name == "inplace":
            kind = "bool"
        elif words <= VALUES:
            if p.name not in OPTIONS:
                raise KeyError(f"{name}: tests/typing/stubs.py does not know of what type {p.name!r} is: operand or option?")
            kind = OPTIONS[p.name]
        else:
            kind = text
            for pattern, replacement in ANNOTATIONS.items():
                kind = re.sub(pattern, replacement, kind)
        if default == "None" and not operand and "None" not in kind and kind != "Any" and kind not in ("_Axis", "DType"):
            kind += " | None"
        out.append(Argument(p.name, p.kind, kind, default, operand))
    return out


def signature(given: list[Argument], types: list[str], extra: list[str]) -> str:
    """Return the text of a parameter list; `extra` are keywords beside it."""
    parts = []
    only = inspect.Parameter.POSITIONAL_ONLY
    star = False
    for i, (a, t) in enumerate(zip(given, types, strict=True)):
        if i and given[i - 1].kind is only and a.kind is not only:
            parts.append("/")
        if a.kind is inspect.Parameter.VAR_POSITIONAL:
            star = True
        if a.kind is inspect.Parameter.VAR_KEYWORD:
            parts += extra
            extra = []
        if a.keyword and not star and a.kind is not inspect.Parameter.VAR_KEYWORD:
            parts.append("*")
            star = True
        parts.append(a.text(t))
    if given and given[-1].kind is only:
        parts.append("/")
    if extra:
        parts += extra if star else ["*", *extra]
    return ", ".join(parts)


def typed(a: Argument, operand: str) -> str:
    """Return the type of an argument, with operands of the type given."""
    if not a.operand:
        return a.type
    if a.type.startswith("Sequence"):
        operand = f"Sequence[{operand}]"
    return f"{operand} | None" if a.default == "None" else operand


def result_of(function: Any, name: str) -> str:
    annotation = str(inspect.signature(function).return_annotation)
    return RESULTS.get(name) or RESULTS.get(annotation) or "T"


def aliases(function: Any, name: str, given: list[Argument]) -> tuple[list[str], dict[str, str]]:
    """Return the keywords for other names of options, and other names of required arguments."""
    own = [a.name for a in given]
    known = names_for(tuple(own))
    wanted = SHOWN | SHOWN_OF.get(name, set())
    extra, required = [], {}
    for other, mine in known.items():
        a = given[own.index(mine)]
        if other in own or a.operand or other not in wanted:
            continue
        if a.default is None and a.kind is not inspect.Parameter.VAR_POSITIONAL:
            required.setdefault(mine, other)
        elif a.kind is not inspect.Parameter.VAR_POSITIONAL:
            extra.append(f"{other}: {a.type} = ...")
    return extra, required


def overloads(function: Any, name: str) -> list[str]:
    """Return the definitions of an operation, most specific first."""
    if name in BY_HAND:
        return [line.format(name=name) for line in BY_HAND[name]]
    given = arguments(function, name)
    extra, required = aliases(function, name, given)
    result = result_of(function, name)
    deciding = [i for i, a in enumerate(given) if a.operand and a.default is None]
    if result == "int" or not deciding:
        return [f"def {name}({signature(given, [typed(a, '_Like') for a in given], extra)}) -> {result}: ..."]
    out = []

    def define(types: list[str], T: str, given: list[Argument] = given) -> None:
        returned = "Any" if T == "Any" else re.sub(r"\bT\b", T, result)
        out.append(f"def {name}({signature(given, types, extra)}) -> {returned}: ...")

    indices = [i for i, a in enumerate(given) if a.name == "return_indices"]
    for place, i in enumerate(deciding):
        types = [typed(a, "_Like") for a in given]
        for j in deciding[:place]:
            types[j] = typed(given[j], "_Plain")
        types[i] = typed(given[i], "Tensor")
        if indices:  # a flag at the end that adds a result
            (at,) = indices
            types[at] = "Literal[False]"
            define(types, "Tensor")
            types[at] = "Literal[True]"
            keyword = [*given[:at], given[at]._replace(kind=KEYWORD, default=None), *given[at + 1 :]]
            out.append(f"def {name}({signature(keyword, types, extra)}) -> tuple[Tensor, Tensor]: ...")
            types[at] = "bool"
            out.append(f"def {name}({signature(given, types, extra)}) -> Any: ...")
            continue
        define(types, "Tensor")
        if required:
            first = next(k for k, a in enumerate(given) if a.name in required)
            renamed = [a._replace(name=required.get(a.name, a.name), kind=KEYWORD) for a in given[first:]]
            renamed = [*given[:first], *renamed]
            define(types, "Tensor", renamed)
    if given[deciding[0]].kind is inspect.Parameter.VAR_POSITIONAL or given[deciding[0]].type.startswith("Sequence"):
        define([typed(a, "_Plain") for a in given], "Any" if name in SCALARS else "Array")
        define([typed(a, "_Like") for a in given], "Any")
        return out
    if name not in SCALARS and result == "T" and not indices:
        types = [typed(a, "_Plain") for a in given]
        types[deciding[0]] = "Array"
        define(types, "Array")
    define([typed(a, "_Plain") for a in given], "Any")
    return out


def method(cls: type, name: str) -> list[str]:
    """Return the definitions of a method made of an operation."""
    function = vars(cls)[name]
    if isinstance(function, property):
        return ["@property", *by_annotation(name, function.fget)]
    kind = (
        "_infix"
        if name in ("__matmul__", "__rmatmul__", "__eq__", "__ne__")
        else function.__code__.co_qualname.partition(".")[0]
    )
    op = getattr(function, "__wrapped__", None)
    if kind != "_infix" and (op is None or kind not in MADE):
        return by_annotation(name, function)
    if kind in ("_infix", "_comparison", "_reflected") or (name.startswith("__i") and kind == "_in_place"):
        ignore = "  # type: ignore[override]" if name in ("__eq__", "__ne__") else ""
        return [f"def {name}(self, other: _Like, /) -> {'Self' if kind == '_in_place' else 'Tensor'}: ...{ignore}"]
    if kind in ("_prefix", "_cast"):
        return [f"def {name}(self) -> Tensor: ..."]
    if not isinstance(op, Primitive) and isinstance(op, types.FunctionType) and op.__qualname__.startswith("Methods."):
        return [line.replace("-> Tensor", "-> Self") for line in by_annotation(name, op)]
    if kind == "_sizes_method":
        given = arguments(op, op.__name__)[1:]
        extra, required = aliases(op, op.__name__, given)
        own = [] if any(a.kind is inspect.Parameter.VAR_POSITIONAL for a in given) else [
            f"{a.name}: {a.type} = ..." for a in given if a.name != "sizes"
        ]  # fmt: skip
        own += [a.text(a.type) for a in given if a.keyword or (a.default and a.name in ("repeats", "size"))]
        extra = [*dict.fromkeys([*own, *extra, *(f"{o}: {SIZES} = ..." for o in required.values())])]
        return [f"def {name}(self, *sizes: {SIZES}{''.join(f', {e}' for e in extra)}) -> Tensor: ..."]
    public = next(n for n, value in [*vars(ops).items(), *vars(mg.linalg).items()] if value is op)
    lines = []
    for line in overloads(op, public):
        match = re.fullmatch(r"def \w+\(\w+: Tensor(?:, /(?=[,)]))?((?:,|\)).*)", line)  # the others are for arrays
        if match is None:
            continue
        text = f"def {name}(self{match[1]}"
        if kind == "_in_place":
            text = re.sub(r"-> .*: \.\.\.", "-> Self: ...", text)
        lines.append(text)
    return [*dict.fromkeys(lines)]


def by_annotation(name: str, function: Any) -> list[str]:
    """Return the definition of a function as its annotations have it."""
    return [f"def {name}{inspect.signature(function)}: ...".replace("'", "").replace("builtins.", "")]


def defined(lines: list[str], indent: str = "", qualify: bool = False) -> list[str]:
    """Return definitions as lines of a stub."""
    out = []
    for line in lines:
        if qualify:  # where methods are called bool, int and float
            head, paren, rest = line.partition("(")
            line = head + paren + re.sub(r"(?<![\w.])(bool|int|float)\b(?![\w(])", r"builtins.\1", rest)
        if len(lines) > 1 and line.startswith("def") and "@property" not in lines:
            out.append(f"{indent}@overload")
        line = indent + line.replace(" ", "\0").replace(",\0", ", ")  # a line ends after a comma alone
        wrapped = textwrap.wrap(line, WIDTH, subsequent_indent=indent + "    ", break_long_words=False)
        out += [part.replace("\0", " ") for part in wrapped]
    return out


def listed(names: list[str]) -> list[str]:
    text = ", ".join(f'"{name}"' for name in names)
    return ["__all__ = [", *textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="    "), "]"]


def names_of(space: Any) -> list[str]:
    return sorted(name for name in space.__all__ if callable(getattr(space, name)))


def of_functions(what: str, space: Any, base: Any = None) -> str:
    """Return the stub of a module of functions; those that `base` has too are imported from it."""
    found = {id(getattr(base, name)): name for name in getattr(base, "__all__", ())}
    lines, imports, results, others, seen = [], [], [], [], {}
    for name in names_of(space):
        value = getattr(space, name)
        if id(value) in found:
            imports.append(f"{found[id(value)]} as {name}")
            continue
        if isinstance(value, type):
            others.append(f"{name} = {value.__module__.replace('numpy', 'np')}.{name}")
            continue
        if id(value) in seen:
            others.append(f"{name} = {seen[id(value)]}")
            continue
        seen[id(value)] = name
        lines += defined(overloads(value, name))
    text = "\n".join(lines)
    for cls in NAMED:
        if re.search(rf"\b{cls.__name__}\[", text):
            fields = [f"    {field}: _T" for field in cls._fields]
            results += ["@type_check_only", f"class {cls.__name__}(NamedTuple, Generic[_T]):", *fields, ""]
    shown = [name for name in names_of(space) if (space, name) != (ops, "equal")]  # of which minigrad has PyTorch's
    body = ['_T = TypeVar("_T")', "", *results] if results else []
    if imports:
        names = textwrap.wrap(", ".join(i.replace(" ", "\0") for i in imports), WIDTH - 8)
        imports = ["from minigrad.ops import (", *(f"    {line}".replace("\0", " ") for line in names), ")"]
    header = HEADER.format(what=what, imports="\n".join(imports))
    return pruned("\n".join([header, *listed(shown), "", *body, text, *others, ""]))


def of_methods() -> str:
    """Return the stub of the table of methods."""
    lines = ["class Methods(Traced):", "    __slots__ = ()"]
    for name in vars(Methods):
        if name in ("__module__", "__doc__", "__slots__", "__static_attributes__", "__firstlineno__", "__hash__"):
            continue
        lines += defined(method(Methods, name), "    ", qualify=True)
    lines.append("    def __hash__(self) -> builtins.int: ...")
    text = "\n".join(lines)
    results = sorted({cls.__name__ for cls in NAMED if re.search(rf"\b{cls.__name__}\[", text)})
    imports = [f"from minigrad.ops import {cls}" for cls in results if cls in vars_of_ops()]
    imports += [f"from minigrad.linalg import {cls}" for cls in results if cls not in vars_of_ops()]
    header = HEADER.format(what="Tensor's operators and methods", imports="\n".join(imports))
    return pruned("\n".join([header, '__all__ = ["Methods"]', "", text, ""]))


@functools.cache  # it makes the whole stub
def vars_of_ops() -> set[str]:
    return set(re.findall(r"^class (\w+)\(NamedTuple", of_functions("", ops), re.M))


def pruned(text: str) -> str:
    """Return a stub without the imports and aliases that it does not use."""
    lines = text.split("\n")
    for _ in range(4):
        body = "\n".join(lines)

        def used(name: str, body: str = body) -> bool:
            return len(re.findall(rf"(?<!\w){re.escape(name)}(?!\w)", body)) > 1

        kept = []
        for line in lines:
            if match := re.fullmatch(r"(from \S+ import )([\w, ]+)", line):
                if " as " not in line:
                    names = [n for n in match[2].split(", ") if used(n)]
                    line = match[1] + ", ".join(names) if names else None
            elif match := re.fullmatch(r"import (?:\w+ as )?(\w+)", line):
                line = line if used(match[1]) else None
            elif (match := re.match(r"(_[A-Z]\w*) = ", line)) and not used(match[1]):
                line = None
            if line is not None:
                kept.append(line)
        lines = kept
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def stubs() -> dict[Path, Callable[[], str]]:
    """Return what makes the text of each stub, under its path."""
    return {
        ROOT / "ops" / "__init__.pyi": lambda: of_functions("the operations", ops),
        ROOT / "linalg.pyi": lambda: of_functions("linear algebra", mg.linalg, ops),
        ROOT / "special.pyi": lambda: of_functions("the special functions", mg.special, ops),
        ROOT / "nn" / "functional.pyi": lambda: of_functions("the functions behind the layers", functional, ops),
        ROOT / "tensors" / "methods.pyi": of_methods,
    }


if __name__ == "__main__":
    for path, text in stubs().items():
        path.write_text(text())
