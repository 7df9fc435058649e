"""An SSA that talks rubbish: run in a container in the place of the real one, by the name of the real one.

Its arguments are the kind of rubbish and a file with a genuine answer of `GET /snapshot/recipes`, from which most of
the rubbish is made. It writes one line per request.
Standard library only: it runs on the bare base image.
"""

from __future__ import annotations

import copy
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HUGE_MEGABYTES = 400
CHUNK = b" " * 1_000_000


def change(genuine: dict[str, Any], *, engine: dict[str, str] | None = None, **fields: Any) -> bytes:
    """The genuine document with other fields at its top, and with another engine."""
    document = copy.deepcopy(genuine) | fields
    document["snapshot"]["engine"] |= engine or {}
    return json.dumps(document).encode()


def make_answers(genuine: dict[str, Any]) -> dict[str, tuple[int, str, bytes]]:
    """Status, content type and body by kind; those with a manner of their own are in Handler."""
    text = json.dumps(genuine).encode()
    json_type = "application/json"
    nothing: dict[str, Any] = {"originals": [], "count": 0}
    return {
        "valid": (200, json_type, text),
        "truncated-json": (200, json_type, text[: len(text) // 2]),
        "cut-connection": (200, json_type, text),
        "empty-object": (200, json_type, b"{}"),
        "list": (200, json_type, b"[]"),
        "originals-alone": (200, json_type, b'{"originals": []}'),
        "originals-without-ids": (200, json_type, change(genuine, originals=[{}, {}], count=2)),
        "fewer-than-counted": (200, json_type, change(genuine, originals=[])),
        "another-engine": (
            200,
            json_type,
            change(genuine, engine={"id": "AAAA:BBBB", "none_network_id": "0" * 64}, **nothing),
        ),
        "a-clone-of-the-engine": (200, json_type, change(genuine, engine={"none_network_id": "0" * 64}, **nothing)),
        "error-500": (500, json_type, change(genuine, **nothing)),
        "unauthorized": (401, "application/problem+json", change(genuine, **nothing)),
        "html": (200, "text/html", b"<html><body><h1>It works!</h1></body></html>"),
        "huge": (200, json_type, change(genuine, **nothing)),
        "trickle": (200, json_type, change(genuine, **nothing)),
    }


class Handler(BaseHTTPRequestHandler):
    """Answers every GET by the kind of rubbish; takes every report."""

    protocol_version = "HTTP/1.1"
    kind: str = ""
    answer: tuple[int, str, bytes] = (200, "", b"")

    def do_GET(self) -> None:
        """The rubbish."""
        print("GET", self.path, flush=True)
        status, content_type, body = self.answer
        length = len(body) + {"huge": HUGE_MEGABYTES * len(CHUNK), "cut-connection": 100}.get(self.kind, 0)
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.kind == "huge":
            for _ in range(HUGE_MEGABYTES):
                self.wfile.write(CHUNK)
        if self.kind == "trickle":
            for byte in body:
                self.wfile.write(bytes([byte]))
                time.sleep(0.3)
        self.wfile.write(body)
        self.close_connection = True

    def do_POST(self) -> None:
        """Reports are taken and forgotten."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name in the standard library
        """Nothing: do_GET tells what is needed."""


def main() -> None:
    """Serves on the port of the SSA until it is stopped."""
    Handler.kind = sys.argv[1]
    Handler.answer = make_answers(json.loads(Path(sys.argv[2]).read_text()))[Handler.kind]
    ThreadingHTTPServer(("", 8000), Handler).serve_forever()


if __name__ == "__main__":
    main()
