"""The error of an export, and the reasons that are collected for it."""

from __future__ import annotations

from minigrad.errors import MinigradError

__all__ = ["Inexpressible", "OnnxExporterError"]


class OnnxExporterError(MinigradError, RuntimeError):
    """A call that cannot be written as an ONNX graph; the message names every operation and its module.

    >>> from minigrad.errors import MinigradError
    >>> issubclass(OnnxExporterError, MinigradError), issubclass(OnnxExporterError, RuntimeError)
    (True, True)
    """


class Inexpressible(Exception):
    """The reason why one operation cannot be written; `export` collects them."""
