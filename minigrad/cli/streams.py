"""Standard streams for any text: terminals of other encodings, and closed pipes."""

from __future__ import annotations

import codecs
import io
import os
import sys
from contextlib import suppress

__all__ = ["flush_streams", "replace_unencodable"]

ASCII = {"×": "x", "−": "-", "→": "->", "…": "...", "·": ".", "µ": "u", "∇": "grad", "─": "-", "│": "|", "├": "|", "└": "`"}


def replace_unencodable() -> None:
    """Make stdout and stderr replace characters that their encoding lacks, rather than raise UnicodeEncodeError."""
    codecs.register_error("minigrad", _replacement)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="minigrad")


def flush_streams() -> None:
    """Flush stdout and stderr; redirect them to the null device if they are closed, so that Python can exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):  # closed, or no file
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _replacement(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return ASCII for a character that the encoding lacks, or the byte of a file name; and where to continue."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character = error.object[error.start]
    if "\udc80" <= character <= "\udcff":
        return bytes([ord(character) - 0xDC00]), error.start + 1
    return ASCII.get(character) or character.encode("ascii", "backslashreplace").decode(), error.start + 1
