"""`minigrad.scipy`: the modules of SciPy that HIPS autograd has, as far as they are here."""

from minigrad.interop.hips import integrate, special, stats

__all__ = ["integrate", "special", "stats"]
