"""The small files that pages need. What is cached for long has its version in its address."""

from hashlib import blake2b
from pathlib import Path
from urllib.parse import quote

_FILES = Path(__file__).parent / "static"
STYLE = (_FILES / "style.css").read_bytes()
STYLE_PATH = f"/static/style.{blake2b(STYLE, digest_size=6).hexdigest()}.css"
ICON = (_FILES / "icon.svg").read_bytes()
ICON_URL = f"data:image/svg+xml,{quote(ICON, safe=' =:/')}"
"""The icon itself: no browser has to ask for it."""
