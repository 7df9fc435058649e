"""Real servers on loopback that take notifications: HTTP and SMTP."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from aiosmtpd.smtp import SMTP

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

    from aiosmtpd.smtp import Envelope, Session


class HttpReceiver(ThreadingHTTPServer):
    """Takes what is posted; answers with `status`, and not before `gate` is set."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.arrived = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.status = 200
        super().__init__(("127.0.0.1", 0), _Handler)

    def url(self, path: str = "hunter2/hook", query: str = "") -> str:
        """The URL of Apprise that leads here."""
        return f"json://127.0.0.1:{self.server_port}/{path}{query}"


class _Handler(BaseHTTPRequestHandler):
    server: HttpReceiver  # pyright: ignore[reportIncompatibleVariableOverride] # it serves no other

    def do_POST(self) -> None:
        """Take one; http.server wants this name."""
        self.server.taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.arrived.set()
        self.server.gate.wait(30)
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 # as http.server has it
        """Say nothing."""


@contextmanager
def http_receiver() -> Generator[HttpReceiver]:
    """Take notifications over HTTP."""
    with HttpReceiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.gate.set()
            server.shutdown()
            thread.join()


class SmtpReceiver:
    """Keeps the mails."""

    def __init__(self) -> None:
        self.mails: list[str] = []
        self.port = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 # aiosmtpd's
        """Take one."""
        del server, session
        content = envelope.content or b""
        self.mails.append(content if isinstance(content, str) else content.decode())
        return "250 taken"


@asynccontextmanager
async def smtp_receiver() -> AsyncGenerator[SmtpReceiver]:
    """Take notifications by mail."""
    receiver = SmtpReceiver()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(receiver, loop=loop), "127.0.0.1", 0)
    async with server:
        receiver.port = server.sockets[0].getsockname()[1]
        yield receiver
