"""`/docs` and `/openapi.json`, without any outside resource: a device at the edge has no internet.

Swagger UI's files come from the package `fastapi-swagger`, of which nothing else is used.
"""

from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import FileResponse, HTMLResponse

_FILES = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
_HEADERS = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
)


def install_documentation(app: FastAPI) -> None:
    """Serve the page and what it needs."""
    folder = _swagger_folder()
    page = get_swagger_ui_html(
        openapi_url="openapi.json",  # relative, as are the others: the service may be behind a path of a proxy
        title=app.title,
        swagger_js_url="docs/swagger-ui-bundle.js",
        swagger_css_url="docs/swagger-ui.css",
        swagger_favicon_url="docs/favicon-32x32.png",
        swagger_ui_parameters={"tryItOutEnabled": True, "defaultModelsExpandDepth": 0},
    )

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:  # pyright: ignore[reportUnusedFunction] - the route uses it
        return HTMLResponse(page.body, headers={**_HEADERS, "Content-Security-Policy": _POLICY})

    for name, media_type in _FILES.items():
        _install_file(app, f"/docs/{name}", folder / name, media_type)


def _install_file(app: FastAPI, url: str, path: Path, media_type: str) -> None:
    @app.get(url, include_in_schema=False)
    async def file() -> FileResponse:  # pyright: ignore[reportUnusedFunction] - the route uses it
        return FileResponse(path, media_type=media_type, headers=_HEADERS)


def _swagger_folder() -> Path:
    spec = find_spec("fastapi_swagger")  # found, not imported
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the package fastapi-swagger is missing: install requirements.txt")
    return Path(spec.origin).parent / "resources"
