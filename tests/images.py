"""Small pictures of one colour."""

from __future__ import annotations

from io import BytesIO

from PIL import Image


def image(kind: str, size: tuple[int, int] = (200, 60)) -> bytes:
    """A file of this kind (PNG, JPEG, GIF)."""
    written = BytesIO()
    Image.new("RGB", size, "#0b6b4f").save(written, kind)
    return written.getvalue()
