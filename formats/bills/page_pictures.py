"""The pages of a bill's PDF as one picture: for whoever reads them beside its data, in any browser.

Phones show no PDF within a page, and some browsers save it instead.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from meterfarm.formats.bills import pages_child
from meterfarm.formats.errors import FormatError

_WAIT = 20.0
"""Seconds, where others have the processor. The child has ``SECONDS`` of its own."""
SECONDS = 8


def pages_picture(pdf: bytes, seconds: int = SECONDS) -> bytes:
    """The first ten pages as a PNG, one below the other, all of one width; ``seconds`` of processor time.

    Raises:
        FormatError: they cannot be drawn, or not within the time and memory that are allowed.
    """
    too_much = FormatError("The pages of the PDF take more memory or time to draw than is allowed.")
    try:
        done = subprocess.run(  # noqa: S603 - our own file, and nothing of anybody's among the arguments
            [sys.executable, "-I", str(Path(pages_child.__file__)), str(seconds)],
            input=pdf,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            timeout=_WAIT,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise too_much from exc
    if done.returncode == pages_child.DAMAGED:
        raise FormatError("The pages of the PDF cannot be drawn: it is damaged or encrypted.")
    if done.returncode:
        raise too_much
    return done.stdout
