"""The library's own source of random numbers; NumPy's global state is never touched."""

from __future__ import annotations

import numpy as np

__all__ = ["Generator", "default_generator", "manual_seed"]

_generator = np.random.default_rng()


def manual_seed(seed: int) -> np.random.Generator:
    """Start the default generator anew, so that a run can be repeated bit for bit on one machine; gives the generator.

    >>> import minigrad as mg
    >>> _ = mg.manual_seed(0)
    >>> first = mg.rand(3)
    >>> _ = mg.manual_seed(0)
    >>> bool((mg.rand(3) == first).all())
    True
    """
    global _generator
    _generator = np.random.default_rng(seed)
    return _generator


class Generator(np.random.Generator):
    """A source of random numbers under PyTorch's name: a NumPy Generator that can be started anew.

    >>> import minigrad as mg
    >>> g = mg.Generator().manual_seed(0)
    >>> bool((mg.rand(2, generator=g) == mg.rand(2, generator=g.manual_seed(0))).all())
    True
    """

    def __init__(self, device: object = None) -> None:
        super().__init__(np.random.PCG64())

    def manual_seed(self, seed: int) -> Generator:
        """Start anew, as ``np.random.default_rng(seed)``; gives the generator itself."""
        self.bit_generator.state = np.random.PCG64(seed).state
        return self


def default_generator() -> np.random.Generator:
    """What draws wherever no `generator` is given."""
    return _generator
