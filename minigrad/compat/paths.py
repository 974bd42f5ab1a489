"""PyTorch's import paths: `minigrad.nn.modules.conv` and the like are found through a table, without a file for each."""

from __future__ import annotations

import importlib
import types
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from typing import Any

__all__ = ["PATHS", "PathFinder"]

# PyTorch's path to the places that have its names, in this order. "a:b" is the attribute b of the module a; a place without
# a dot in front is outside this package. Paths of modules that exist here under the same name need no entry.
PATHS = {
    "accelerator": ".compat.cuda",
    "amp": ".compat.amp",
    "amp.autocast_mode": ".compat.amp",
    "amp.grad_scaler": ".compat.amp",
    "autograd.variable": ".autograd",
    "backends": ".compat.backends",
    "backends.cuda": ".compat.backends:cuda",
    "backends.cudnn": ".compat.backends:cudnn",
    "backends.mkldnn": ".compat.backends:mkldnn",
    "backends.mps": ".compat.backends:mps",
    "compiler": ".compat.jit",
    "cuda": ".compat.cuda",
    "cuda.amp": ".compat.cuda:amp",
    "cuda.amp.autocast_mode": ".compat.cuda:amp",
    "cuda.amp.grad_scaler": ".compat.cuda:amp",
    "distributed": ".compat.distributed",
    "fx": ".compat.jit",
    "hub": ".compat.hub",
    "jit": ".compat.jit",
    "mps": ".compat.cuda",
    "multiprocessing": "multiprocessing",
    "nn.common_types": ".compat.sizes",
    "nn.modules": ".nn",
    "nn.modules.activation": ".nn.activation .nn.attention",
    "nn.modules.batchnorm": ".nn.normalization .nn",
    "nn.modules.container": ".nn.containers",
    "nn.modules.conv": ".nn.convolution .nn",
    "nn.modules.distance": ".nn",
    "nn.modules.dropout": ".nn.dropout",
    "nn.modules.flatten": ".nn.linear",
    "nn.modules.fold": ".nn",
    "nn.modules.instancenorm": ".nn.normalization .nn",
    "nn.modules.lazy": ".nn.lazy",
    "nn.modules.linear": ".nn.linear .nn",
    "nn.modules.loss": ".nn.losses",
    "nn.modules.module": ".nn.module .nn.hooks",
    "nn.modules.normalization": ".nn.normalization",
    "nn.modules.padding": ".nn.padding",
    "nn.modules.pixelshuffle": ".nn",
    "nn.modules.pooling": ".nn.pooling",
    "nn.modules.rnn": ".nn.recurrent",
    "nn.modules.sparse": ".nn.embedding",
    "nn.modules.transformer": ".nn.transformer",
    "nn.modules.upsampling": ".nn.resampling",
    "nn.modules.utils": ".compat.sizes",
    "nn.utils.stateless": ".func",
    "optim.adamw": ".optim.adam",
    "utils.data.dataloader": ".data",
    "utils.data.dataset": ".data",
    "utils.data.distributed": ".compat.distributed",
    "utils.data.sampler": ".data",
    "utils.hooks": ".engine.handles",
    "utils.model_zoo": ".compat.hub",
    "utils.tensorboard": ".compat.tensorboard",
    "version": ".compat.backends:version",
}  # fmt: skip


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
        homes = [_found(home, self.package) for home in PATHS[place].split()]

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
