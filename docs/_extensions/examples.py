"""Examples for what has none in its docstring: calls that are tried, and shown with what they return.

Most operations and layers differ in their name alone, and so do their examples. The arguments below are tried in order; the
first that run without an error or a warning, and give finite numbers, make the example.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

import minigrad as mg
import minigrad.nn.functional as F
from docs._extensions import public, signatures
from minigrad import nn, optim

SPACE = {"mg": mg, "nn": nn, "optim": optim, "F": F}
MATRIX = "mg.tensor([[1.0, 2.0], [3.0, 4.0]])"
# Arguments of functions, by how many are required.
ARGUMENTS = {
    0: [""],
    1: [
        "mg.tensor([-1.5, 0.5])", "mg.tensor([0.25, 0.81])", "mg.tensor([1.0, 2.0])", "mg.tensor([5, 3])",
        "mg.tensor([True, False])", MATRIX, "2, 3", "mg.zeros(1, 4, 2)", "mg.zeros(1, 4, 2, 2)", "mg.zeros(1, 4, 2, 2, 2)",
        "[mg.tensor([1.0]), mg.tensor([2.0])]", "4",
    ],
    2: [
        "mg.tensor([5.0, -7.0]), mg.tensor([2.0, 3.0])", "mg.tensor([0.5, 0.9]), mg.tensor([1.0, 0.0])",
        "mg.tensor([5, 12]), mg.tensor([2, 8])", "mg.tensor([1.0, 2.0]), 3", "mg.tensor([-1.5, 0.5]), -1.0",
        f"{MATRIX}, 1", f"{MATRIX}, mg.tensor([1.0, 0.5])", f"{MATRIX}, {MATRIX}", f"{MATRIX}, mg.tensor([0, 1])",
        f"mg.stack([{MATRIX}]), mg.stack([{MATRIX}])", "(2, 2), 0.5", "0, 3", "[2.0], 1.0",
    ],
    3: [
        "mg.tensor([1.0, 2.0]), mg.tensor([3.0, 4.0]), mg.tensor([5.0, 6.0])",
        f"{MATRIX}, {MATRIX}, {MATRIX}", f"mg.tensor([1.0, 2.0]), {MATRIX}, mg.tensor([1.0, 0.5])",
        f"{MATRIX}, mg.tensor([1.0, 2.0]), mg.tensor([3.0, 4.0])",
        f"{MATRIX}, mg.stack([{MATRIX}]), mg.stack([{MATRIX}])", f"{MATRIX}, 0, 1",
        f"{MATRIX}, 0, mg.tensor([1]), mg.zeros(1, 2)",
        "0, 5, (2, 3)", "0, 2, 3",
        f"{MATRIX}, 0, mg.tensor([1]), 0.5",
    ],
    4: [f"{MATRIX}, 0, mg.tensor([1]), mg.zeros(1, 2)", f"{MATRIX}, 0, mg.tensor([1]), 0.5"],
}  # fmt: skip
SIZES = {"1d": "2, 4, 8", "2d": "2, 4, 8, 8", "3d": "2, 4, 8, 8, 8"}
LAYERS = ["", "2", "4", "1, 0.5", "4, 2", "2, 4", "6, 3", "4, 6, 3", "4, 4, 5", "(2, 4)", "1, (2, 2)", "2, 2", "0.5, 0.0"]
INPUTS = [
    "mg.tensor([-1.5, 0.5])",
    "mg.randn(2, 4)",
    "mg.randn(2, 4, 8, 8)",
    "mg.randn(2, 4, 8)",
    "mg.randn(2, 4), mg.randn(2, 4)",
]
INDICES = ["mg.tensor([[1, 2], [3, 0]])"]
PAIRS = [
    "mg.tensor([0.5, -0.9]), mg.tensor([1.0, -1.0])", "mg.tensor([0.5, 0.9]), mg.tensor([1.0, 0.0])",
    "mg.tensor([[2.0, 0.5, 0.1]]), mg.tensor([0])", "mg.tensor([[2.0, 0.5, 0.1]]), mg.tensor([[0, 2, -1]])",
    "mg.tensor([[1.0, 2.0]]), mg.tensor([[2.0, 1.0]]), mg.tensor([1.0])",
    "mg.tensor([[1.0, 2.0]]), mg.tensor([[2.0, 1.0]]), mg.tensor([[5.0, 5.0]])",
    "mg.tensor([[2.0, 0.5, 0.1]]), mg.tensor([[1, 0, 1]])",
]  # fmt: skip
# Where the arguments above would run and mislead, or do not fit: the lines before the last, and the last.
PROGRAMS = {
    "F.upsample_bilinear": "F.upsample_bilinear(mg.zeros(1, 1, 2, 2), scale_factor=2).shape",
    "mg.array_api.asarray": "mg.array_api.asarray([[1, 2], [3, 4]])",
    "mg.array_api.astype": "mg.array_api.astype(mg.tensor([1, 2]), mg.float64)",
    "mg.array_api.broadcast_arrays": "mg.array_api.broadcast_arrays(mg.tensor([1, 2]), mg.tensor([[3], [4]]))",
    "mg.array_api.can_cast": "mg.array_api.can_cast(mg.int8, mg.int16)",
    "mg.array_api.clip": "mg.array_api.clip(mg.tensor([-1.5, 0.5]), 0, 1)",
    "mg.array_api.concat": "mg.array_api.concat([mg.tensor([1, 2]), mg.tensor([3])])",
    "mg.array_api.iinfo": "mg.array_api.iinfo(mg.int8).max",
    "mg.array_api.isin": "mg.array_api.isin(mg.tensor([1, 2, 3]), mg.tensor([3, 1]))",
    "mg.array_api.meshgrid": "mg.array_api.meshgrid(mg.tensor([1, 2]), mg.tensor([3, 4]))",
    "mg.array_api.reshape": "mg.array_api.reshape(mg.tensor([1, 2, 3, 4]), (2, 2))",
    "mg.array_api.searchsorted": "mg.array_api.searchsorted(mg.tensor([1, 3, 5]), mg.tensor([3, 4]))",
    "mg.array_api.squeeze": "mg.array_api.squeeze(mg.tensor([[1, 2]]), 0)",
    "mg.array_api.stack": "mg.array_api.stack([mg.tensor([1, 2]), mg.tensor([3, 4])], axis=1)",
    "mg.array_api.take": "mg.array_api.take(mg.tensor([5, 6, 7]), mg.tensor([2, 0]))",
    "mg.array_api.unique_counts": "mg.array_api.unique_counts(mg.tensor([3, 1, 3]))",
    "mg.array_api.unique_inverse": "mg.array_api.unique_inverse(mg.tensor([3, 1, 3]))",
    "mg.array_api.unique_values": "mg.array_api.unique_values(mg.tensor([3, 1, 3]))",
    "mg.array_api.where": "mg.array_api.where(mg.tensor([True, False]), mg.tensor([1, 2]), 0)",
    "mg.array_api.linalg.cross": "mg.array_api.linalg.cross(mg.tensor([1, 0, 0]), mg.tensor([0, 1, 0]))",
    "mg.array_split": "mg.array_split(mg.tensor([1, 2, 3]), 2)",
    "mg.clamp_": "mg.clamp_(mg.tensor([-1.5, 0.5]), 0.0, 1.0)",
    "mg.clip_": "mg.clip_(mg.tensor([-1.5, 0.5]), 0.0, 1.0)",
    "mg.dsplit": "[part.shape for part in mg.dsplit(mg.zeros(2, 2, 4), 2)]",
    "mg.enable_grad": "w = mg.tensor([1.0], requires_grad=True)\nwith mg.no_grad(), mg.enable_grad(): y = w * 2\ny",
    "mg.from_numpy": "import numpy as np\nmg.from_numpy(np.array([1.0, 2.0]))",
    "mg.get_default_dtype": "mg.get_default_dtype()",
    "mg.hsplit": "mg.hsplit(mg.tensor([1, 2, 3, 4]), 2)",
    "mg.index_put_": "mg.index_put_(mg.tensor([1.0, 2.0]), (mg.tensor([0]),), mg.tensor(5.0))",
    "mg.inference_mode": "w = mg.tensor([1.0], requires_grad=True)\nwith mg.inference_mode(): y = w * 2\ny",
    "mg.is_grad_enabled": "mg.is_grad_enabled()",
    "mg.is_nonzero": "mg.is_nonzero(mg.tensor([0.5]))",
    "mg.logdet": "mg.logdet(mg.tensor([[2.0, 0.0], [0.0, 3.0]]))",
    "mg.rand": "mg.rand(2, 3).shape",
    "mg.randint": "mg.randint(0, 10, (2, 3)).shape",
    "mg.randint_like": "mg.randint_like(mg.zeros(2, 3), 10).shape",
    "mg.randn": "mg.randn(2, 3).shape",
    "mg.vsplit": "mg.vsplit(mg.tensor([[1, 2], [3, 4]]), 2)",
    "nn.CosineSimilarity": "nn.CosineSimilarity()(mg.tensor([[1.0, 2.0]]), mg.tensor([[2.0, 1.0]]))",
    "nn.PairwiseDistance": "nn.PairwiseDistance()(mg.tensor([[1.0, 2.0]]), mg.tensor([[4.0, 6.0]]))",
    "nn.BCEWithLogitsLoss": "nn.BCEWithLogitsLoss()(mg.tensor([0.5, -0.9]), mg.tensor([1.0, 0.0]))",
    "nn.CTCLoss": "steps = mg.zeros(4, 1, 3).log_softmax(2)\nnn.CTCLoss()(steps, mg.tensor([[1, 2]]), [4], [2])",
    "nn.Fold": "nn.Fold((4, 4), 2, stride=2)(mg.ones(1, 4, 4)).shape",
    "nn.GRU": "out, state = nn.GRU(4, 2)(mg.randn(3, 1, 4))\nout.shape, state.shape",
    "nn.MarginRankingLoss": "nn.MarginRankingLoss()(mg.tensor([0.5]), mg.tensor([0.9]), mg.tensor([1]))",
    "nn.ModuleDict": 'heads = nn.ModuleDict({"digits": nn.Linear(4, 10)})\nheads["digits"](mg.randn(2, 4)).shape',
    "nn.ModuleList": "layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])\nlen(layers)",
    "nn.NLLLoss2d": "nn.NLLLoss2d()(mg.zeros(1, 3, 2, 2).log_softmax(1), mg.zeros(1, 2, 2).long())",
    "nn.ParameterDict": 'weights = nn.ParameterDict({"w": mg.zeros(2)})\nlist(weights)',
    "nn.ParameterList": "weights = nn.ParameterList([mg.zeros(2), mg.zeros(3)])\nlen(weights)",
    "nn.RNN": "out, state = nn.RNN(4, 2)(mg.randn(3, 1, 4))\nout.shape, state.shape",
    "nn.TransformerDecoder": "layer = nn.TransformerDecoderLayer(4, 2)\n"
    "nn.TransformerDecoder(layer, 2)(mg.randn(3, 1, 4), mg.randn(5, 1, 4)).shape",
    "nn.TransformerEncoder": "layer = nn.TransformerEncoderLayer(4, 2)\n"
    "nn.TransformerEncoder(layer, 2)(mg.randn(3, 1, 4)).shape",
    "nn.init.dirac_": "nn.init.dirac_(mg.zeros(1, 1, 3))",
    "optim.lr_scheduler.ReduceLROnPlateau": "optimizer = optim.SGD([mg.tensor([1.0], requires_grad=True)], lr=0.1)\n"
    "scheduler = optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=0)\n"
    "for loss in (1.0, 1.0, 1.0): scheduler.step(loss)\nscheduler.get_last_lr()",
    "mg.autograd.functional.hessian": "mg.autograd.functional.hessian(lambda x: (x**3).sum(), mg.tensor([1.0, 2.0]))",
    "mg.autograd.functional.hvp": "mg.autograd.functional.hvp(lambda x: (x**3).sum(), mg.tensor([1.0]), mg.tensor([2.0]))",
    "mg.autograd.functional.jvp": "mg.autograd.functional.jvp(lambda x: x**2, mg.tensor([3.0]), mg.tensor([1.0]))",
    "mg.autograd.functional.vjp": "mg.autograd.functional.vjp(lambda x: x**2, mg.tensor([3.0]), mg.tensor([1.0]))",
    "mg.func.grad_and_value": "mg.func.grad_and_value(lambda x: x**2)(mg.tensor(3.0))",
    "mg.data.SequentialSampler": "list(mg.data.SequentialSampler(range(3)))",
    "mg.data.RandomSampler": "len(list(mg.data.RandomSampler(range(3))))",
    "mg.data.SubsetRandomSampler": "sorted(mg.data.SubsetRandomSampler([1, 5]))",
    "mg.data.transforms.Normalize": "mg.data.transforms.Normalize(0.5, 0.25)(mg.ones(1, 2, 2)).shape",
    "mg.data.transforms.Lambda": "mg.data.transforms.Lambda(lambda x: x * 2)(mg.ones(2))",
    "mg.data.transforms.RandomCrop": "mg.data.transforms.RandomCrop(4)(mg.ones(1, 8, 8)).shape",
    "mg.data.transforms.RandomHorizontalFlip": "mg.data.transforms.RandomHorizontalFlip()(mg.ones(1, 2, 2)).shape",
    "mg.interop.book.Affine": "from minigrad.interop.book import Affine\n"
    "Affine(mg.ones(2, 3), mg.zeros(3)).forward(mg.ones(1, 2))",
    "mg.interop.book.Pooling": "from minigrad.interop.book import Pooling\n"
    "Pooling(2, 2, stride=2).forward(mg.ones(1, 1, 4, 4)).shape",
    "mg.interop.book.Relu": "from minigrad.interop.book import Relu\nRelu().forward(mg.tensor([-1.0, 2.0]))",
    "mg.interop.book.Sigmoid": "from minigrad.interop.book import Sigmoid\nSigmoid().forward(mg.tensor([0.0]))",
}
SCHEDULES = [
    "", "step_size=2", "milestones=[2]", "gamma=0.9", "T_max=4", "T_0=4", "lambda epoch: 0.9", "max_lr=1.0, total_steps=8",
    "0.1, 1.0",
]  # fmt: skip


def example(entry: public.Entry) -> list[str]:
    """Return the lines of an example for an entry whose docstring has none; none where no call was found."""
    if ">>>" in (inspect.getdoc(entry.value) or "") or entry.home in public.BY_PYTHON:
        return []
    name = f"{public.NAMESPACES[entry.namespace]}.{entry.names[0]}"
    for lines in [PROGRAMS[name].split("\n")] if name in PROGRAMS else _tried(entry, name):
        shown = with_result(lines)
        if shown:
            return [f">>> {line}" for line in shown[:-1]] + shown[-1].splitlines()
    return []


def with_prefixes(lines: list[str], home: str) -> list[str]:
    """Return a docstring whose examples name what their own file defines as programs do: `F.relu`, where it has `relu`."""
    code = [re.match(r"\s*(?:>>>|\.\.\.) ?", line) for line in lines]
    try:
        names = free_names("\n".join(line[found.end() :] for line, found in zip(lines, code, strict=True) if found))
        space = vars(importlib.import_module(f"minigrad.{home}")) if home else {}
    except (SyntaxError, ImportError):
        return lines
    for name in names - {"np", *SPACE}:
        try:
            namespace, shown = public.described(space[name])
        except KeyError:
            continue
        bare = re.compile(rf"""(?<![\w."'`]){name}\b(?!\s*=[^=])""")
        path = f"{public.NAMESPACES[namespace]}.{shown}"
        lines = [bare.sub(path, line) if found else line for line, found in zip(lines, code, strict=True)]
    return lines


def free_names(code: str) -> set[str]:
    """Return the names that a program uses and does not define."""
    used, defined = set(), set()
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                used.add(name)
            case ast.Name(id=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                defined.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                defined |= {(alias.asname or alias.name).partition(".")[0] for alias in names}
            case ast.ExceptHandler(name=str(name)):
                defined.add(name)
    return used - defined


def _tried(entry: public.Entry, name: str) -> Iterator[list[str]]:
    """Yield programs whose last line is an expression."""
    room, _, _ = entry.home.partition(".")
    if room == "optim" and isinstance(entry.value, type) and entry.namespace == "minigrad.optim":
        yield [
            "w = mg.tensor([1.0], requires_grad=True)", f"optimizer = {name}([w], lr=0.1)", "(w * w).sum().backward()",
            "optimizer.step()", "w",
        ]  # fmt: skip
    elif room == "optim":
        for arguments in SCHEDULES:
            yield [
                "optimizer = optim.SGD([mg.tensor([1.0], requires_grad=True)], lr=0.1)",
                f"scheduler = {name}(optimizer{', ' * bool(arguments)}{arguments})", "optimizer.step()", "scheduler.step()",
                "scheduler.get_last_lr()",
            ]  # fmt: skip
    elif entry.home == "nn.init":
        for extra in ("", ", 0.5"):
            yield ["w = mg.zeros(2, 2)", f"{name}(w{extra})"]
    elif entry.home in {"nn.losses", "ops.loss"}:
        yield from ([f"{name}{'()' * isinstance(entry.value, type)}({pair})"] for pair in PAIRS)
    elif isinstance(entry.value, type) and issubclass(entry.value, nn.Module) and entry.namespace == "minigrad.nn":
        size = SIZES.get(name[-2:])
        for arguments in LAYERS:
            for given in [f"mg.randn({size})"] if size else INDICES if "Embedding" in name else INPUTS:
                yield [f"{name}({arguments})({given})"]
    elif room in {"array_api", "ops", "nn", "tensors"} and not isinstance(entry.value, type):
        for called in signatures.signatures(entry.value, entry.names[0])[:1]:
            required = [p for p in called[1:-1].split(", ") if p not in ("", "/") and "=" not in p and p[0] != "*"]
            for arguments in ARGUMENTS.get(len(required), []) + ARGUMENTS[1] * called.startswith("(*"):
                if entry.names[0][-1] == "_" and arguments.startswith("mg.tensor"):
                    first, _, rest = arguments.partition("), ")
                    yield [f"x = {first.removesuffix(')')})", f"{name}(x{', ' * bool(rest)}{rest})", "x"]
                yield [f"{name}({arguments})"]


def with_result(lines: list[str]) -> list[str]:
    """Return a program with what it prints, or nothing if it does not run; of random numbers the shape."""
    values = [_run(lines, seed) for seed in (0, 1)]
    if not all(map(_is_telling, values)):
        return []
    text, other = map(repr, values)
    if text != other:
        if not isinstance(values[0], mg.Tensor):
            return []
        lines, text = [*lines[:-1], f"{lines[-1]}.shape"], repr(values[0].shape)
    return [*lines, text] if len(text) < 200 else []


def _run(lines: list[str], seed: int) -> Any:
    space = dict(SPACE)
    mg.manual_seed(seed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for line in lines[:-1]:
                exec(line, space)
            return eval(lines[-1], space)
    except Exception:  # these arguments do not fit
        return None


def _is_telling(value: Any) -> bool:
    parts = value if isinstance(value, tuple | list) else (value,)
    return len(parts) > 0 and all(
        bool(np.isfinite(part.detach().numpy()).all())
        if isinstance(part, mg.Tensor)
        else isinstance(part, bool | int | float | str | tuple | np.ndarray | np.dtype | type)
        for part in parts
    )
