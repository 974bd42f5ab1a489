"""Settings of PyTorch's libraries, which programs may set and which have no effect, and their versions."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

__all__ = ["cuda", "cudnn", "mkldnn", "mps", "version"]


def _no() -> bool:
    return False


def _flags(*args: Any, **options: Any) -> Any:
    return contextlib.nullcontext()


cudnn = SimpleNamespace(
    is_available=_no, version=lambda: None, flags=_flags, enabled=True, benchmark=False, deterministic=False,
    allow_tf32=False,
)  # fmt: skip
cuda = SimpleNamespace(
    is_built=_no, matmul=SimpleNamespace(allow_tf32=False), sdp_kernel=_flags, enable_flash_sdp=lambda enabled: None,
    enable_mem_efficient_sdp=lambda enabled: None, enable_math_sdp=lambda enabled: None,
)  # fmt: skip
mkldnn = SimpleNamespace(is_available=_no, enabled=False, flags=_flags)
mps = SimpleNamespace(is_available=_no, is_built=_no)
version = SimpleNamespace(
    __doc__="Versions of the compilers of devices: there are none.", cuda=None, hip=None, git_version=None, debug=False
)
