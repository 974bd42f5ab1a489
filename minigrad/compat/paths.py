"""Import paths of PyTorch (`minigrad.nn.modules.conv`) and of HIPS autograd (`minigrad.scipy.stats`): they are found through
a table, without a file for each."""

from __future__ import annotations

import importlib
import types
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from typing import Any

__all__ = ["PATHS", "PathFinder"]

# The places that have the names (the first that has one counts), and PyTorch's paths to them. "a:b" is the attribute b of
# the module a; a place without a dot in front is outside this package. Files that have PyTorch's path need no entry.
PLACES = {
    ".autograd": "autograd.variable",
    ".compat.amp": "amp amp.autocast_mode amp.grad_scaler",
    ".compat.backends": "backends",
    ".compat.backends:cuda": "backends.cuda",
    ".compat.backends:cudnn": "backends.cudnn",
    ".compat.backends:mkldnn": "backends.mkldnn",
    ".compat.backends:mps": "backends.mps",
    ".compat.backends:version": "version",
    ".compat.cuda": "accelerator cuda mps xpu",
    ".compat.cuda:amp": "cuda.amp cuda.amp.autocast_mode cuda.amp.grad_scaler",
    ".compat.hub": "hub utils.model_zoo",
    ".compat.jit": "compiler fx jit jit.annotations",
    ".compat.sizes": "nn.common_types",
    ".compat.tensorboard": "utils.tensorboard",
    ".data.distributed_sampler": "utils.data.distributed",
    ".data": "utils.data.dataloader utils.data.dataset utils.data.sampler",
    ".engine.handles": "utils.hooks",
    ".func": "nn.utils.stateless",
    ".interop.hips": "interop.hips.differential_operators",
    ".interop.hips.array_functions": "numpy interop.hips.numpy",
    ".interop.hips.integrate": "scipy.integrate interop.hips.scipy.integrate",
    ".interop.hips.extend": "interop.hips.numpy.numpy_vjps",
    ".interop.hips.scipy_modules": "scipy interop.hips.scipy",
    ".interop.hips.special": "scipy.special interop.hips.scipy.special",
    ".interop.hips.stats": "scipy.stats interop.hips.scipy.stats",
    ".nn": "nn.modules nn.modules.distance nn.modules.fold nn.modules.pixelshuffle",
    ".nn.activation .nn.attention": "nn.modules.activation",
    ".nn.containers": "nn.modules.container",
    ".nn.convolution .nn": "nn.modules.conv",
    ".nn.dropout": "nn.modules.dropout",
    ".nn.embedding": "nn.modules.sparse",
    ".nn.lazy": "nn.modules.lazy",
    ".nn.linear": "nn.modules.flatten",
    ".nn.linear .nn": "nn.modules.linear",
    ".nn.losses": "nn.modules.loss",
    ".nn.module .nn.hooks": "nn.modules.module",
    ".nn.normalization": "nn.modules.normalization",
    ".nn.normalization .nn": "nn.modules.batchnorm nn.modules.instancenorm",
    ".nn.padding": "nn.modules.padding",
    ".nn.pooling": "nn.modules.pooling",
    ".nn.recurrent": "nn.modules.rnn",
    ".nn.resampling": "nn.modules.upsampling",
    ".nn.state_dict .compat.sizes": "nn.modules.utils",
    ".nn.transformer": "nn.modules.transformer",
    ".optim.adam": "optim.adamw",
    "builtins": "interop.hips.builtins",
    "multiprocessing": "multiprocessing",
    "numpy.linalg": "numpy.linalg interop.hips.numpy.linalg",
    "numpy.random": "numpy.random interop.hips.numpy.random",
}
for _name in ("beta", "chi2", "dirichlet", "gamma", "multivariate_normal", "norm", "poisson", "t"):
    PLACES[f".interop.hips.stats:{_name}"] = f"scipy.stats.{_name} interop.hips.scipy.stats.{_name}"
PATHS = {path: places.split() for places, paths in PLACES.items() for path in paths.split()}


class PathFinder:
    """Finder and loader (PEP 451) of the paths in `PATHS`; the last in `sys.meta_path`, after that of the files.

    The module of a path has no names of its own: it looks them up in the places of the table.
    """

    def __init__(self, package: str):
        self.package = package

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None) -> Any:
        """Return the spec of a module of the table, or None."""
        package, _, place = name.partition(".")
        return ModuleSpec(name, self, is_package=True) if package == self.package and place in PATHS else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """Let Python create the module."""

    def exec_module(self, module: types.ModuleType) -> None:
        """Connect the module with its places, and import the paths inside it."""
        place = module.__name__.partition(".")[2]
        homes = [_found(home, self.package) for home in PATHS[place]]

        def look_up(name: str) -> Any:
            if not name.startswith("__"):
                for home in homes[:-1]:
                    if hasattr(home, name):
                        return getattr(home, name)
                return getattr(homes[-1], name)
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}", name=name)

        names = {name for home in homes for name in getattr(home, "__all__", dir(home)) if name[0] != "_"}
        vars(module).update(
            __doc__=homes[0].__doc__, __all__=sorted(names), __getattr__=look_up, __dir__=lambda: sorted(names)
        )
        for inner in PATHS:
            if inner.rpartition(".")[0] == place:
                importlib.import_module(f"{self.package}.{inner}")


def _found(home: str, package: str) -> Any:
    """Return the module of a place, or the attribute of one."""
    name, _, attribute = home.partition(":")
    module = importlib.import_module(name, package)
    return getattr(module, attribute) if attribute else module
