"""The yardstick of `/status`: an ASGI app that sends the same headers and bytes, and does nothing else.

It runs in a container of the status-state-api image, by the same server with the same settings as the service (see its
`main`), but for the lifespan, which it has none of. It must not import anything of the service.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Send = Callable[[dict[str, Any]], Awaitable[None]]


def make_app(folder: Path) -> Callable[[dict[str, Any], object, Send], Awaitable[None]]:
    """The app that answers every request with the headers and the body in this folder."""
    names_and_values: list[list[str]] = json.loads((folder / "headers.json").read_text())
    headers = [(name.encode(), value.encode()) for name, value in names_and_values]
    body = (folder / "body").read_bytes()

    async def app(_scope: dict[str, Any], _receive: object, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


if __name__ == "__main__":
    uvicorn.run(
        make_app(Path(__file__).parent),
        host="0.0.0.0",  # noqa: S104 # inside of its container
        port=8000,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
