"""`/`: the page for people, out of the files in `page/`, as they are. Nothing of the state is in them: they ask for it.

Strict: the page may load what is served here and nothing else, and no text can become markup or a script in it.
"""

import hashlib
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Header, Response

from .problems import ProblemError

FOLDER = Path(__file__).parent.parent / "page"
_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",  # it is asked each time whether it is still the same
}
INDEX = "index.html"
PREFIX = "/page/"


def install_page(app: FastAPI, folder: Path = FOLDER) -> None:
    """Serve the page. Its files are read once, now: they are small, and change with the image alone."""
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in _MEDIA_TYPES}
    tags = {name: f'"{hashlib.sha256(content).hexdigest()[:32]}"' for name, content in files.items()}

    def answer(name: str, known: str | None) -> Response:
        if name not in files:
            raise ProblemError(404, f"There is nothing at {PREFIX}{name[:100]}. The page is at /.")
        headers = {**_HEADERS, "ETag": tags[name]}
        if known is not None and tags[name] in known:
            return Response(status_code=304, headers=headers)
        return Response(files[name], headers={**headers, "Content-Type": _MEDIA_TYPES[Path(name).suffix]})

    @app.get("/", include_in_schema=False)
    async def page(  # pyright: ignore[reportUnusedFunction] - the route uses it
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        return answer(INDEX, if_none_match)

    @app.get(PREFIX + "{name}", include_in_schema=False)
    async def file(  # pyright: ignore[reportUnusedFunction] - the route uses it
        name: str, if_none_match: Annotated[str | None, Header()] = None
    ) -> Response:
        return answer(name, if_none_match)
