"""Standard streams for any text: terminals of other encodings, pipes whose reader has left."""

from __future__ import annotations

import codecs
import io
import os
import sys
from contextlib import suppress

__all__ = ["release", "take_any_text"]

ASCII = {"×": "x", "−": "-", "→": "->", "…": "...", "·": ".", "µ": "u", "∇": "grad", "─": "-", "│": "|", "├": "|", "└": "`"}


def take_any_text() -> None:
    """Let stdout and stderr write what their encoding lacks in other words, where they would raise UnicodeEncodeError."""
    codecs.register_error("minigrad", _in_other_words)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="minigrad")


def release() -> None:
    """Flush stdout and stderr; drop what nobody reads any longer, which Python would fail to write at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):  # closed, or no file
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _in_other_words(error: UnicodeError) -> tuple[str | bytes, int]:
    """The characters that the encoding lacks, in ASCII; the bytes of a file name that is not in it as they are."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character = error.object[error.start]
    if "\udc80" <= character <= "\udcff":
        return bytes([ord(character) - 0xDC00]), error.start + 1
    return ASCII.get(character) or character.encode("ascii", "backslashreplace").decode(), error.start + 1
