"""The static files: small, read once, served from memory under an address that changes when any of them does.

So a browser may keep them for ever, and modules may import each other by relative names.
"""

import hashlib
import mimetypes
from pathlib import Path

from starlette.responses import Response

from vangnet.errors import NotFound

FOLDER = Path(__file__).parent / "static"
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}


class StaticFiles:
    """The files of `static/`, by their name inside it."""

    def __init__(self, folder: Path = FOLDER) -> None:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        self._files = {str(path.relative_to(folder)): path.read_bytes() for path in paths}
        digest = hashlib.sha256()
        for name, content in self._files.items():
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        self._version = digest.hexdigest()[:16]

    def address(self, name: str) -> str:
        """Where a page finds the file. Raises KeyError: a template that names a file we do not have is a mistake."""
        self._files[name]
        return f"/static/{self._version}/{name}"

    def answer(self, version: str, name: str) -> Response:
        """The file. Raises NotFound, also for a version that is not this one."""
        content = self._files.get(name)
        if content is None or version != self._version:
            raise NotFound(record="file", key=name)
        suffix = Path(name).suffix
        kind = _TYPES.get(suffix) or mimetypes.types_map.get(suffix) or "application/octet-stream"
        headers = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(content, headers=headers, media_type=kind)
