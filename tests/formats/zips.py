"""ZIP archives as tests make them."""

from __future__ import annotations

import zipfile
from io import BytesIO


def zipped(files: dict[str, bytes]) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as whole:
        for name, content in files.items():
            whole.writestr(name, content)
    return file.getvalue()
