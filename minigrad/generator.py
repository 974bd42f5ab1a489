"""Generator: NumPy's random generator under PyTorch's name.

A separate file, imported at first use, because numpy.random takes a fifth of the time of ``import minigrad``.
"""

from __future__ import annotations

import numpy as np

__all__ = ["Generator"]


class Generator(np.random.Generator):
    """A NumPy Generator with PyTorch's constructor and `manual_seed`; `device` is accepted and ignored.

    >>> import minigrad as mg
    >>> g = mg.Generator().manual_seed(0)
    >>> bool((mg.rand(2, generator=g) == mg.rand(2, generator=g.manual_seed(0))).all())
    True
    """

    def __init__(self, device: object = None) -> None:
        super().__init__(np.random.PCG64())

    def manual_seed(self, seed: int) -> Generator:
        """Reset the state to that of ``np.random.default_rng(seed)``; return the generator itself."""
        self.bit_generator.state = np.random.PCG64(seed).state
        return self
