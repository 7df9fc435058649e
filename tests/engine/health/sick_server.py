"""A web server that falls ill as it is told: run by `python3 -c` in a container of the bare base image.

The file /mode says at each request how to answer (see `answer`; no file: `ok`). It is deleted at the start, so that a
restart heals. Arguments: `keep` lets the file survive, `tls` speaks HTTPS with the key and certificate in /server.pem.
It writes one line per request: when, by which mode, and the path. Standard library only.
"""

from __future__ import annotations

import os
import signal
import socket
import ssl
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

MODE = Path("/mode")
PORT = 8080
POLL_SECONDS = 0.1
DRIP_SECONDS = 0.2
BLOCK = b"x" * 65536
# Nobody answers there (RFC 5737).
ELSEWHERE = "http://192.0.2.1:9/health"


def read_mode() -> str:
    """What the file says now."""
    with suppress(FileNotFoundError):
        return MODE.read_text().strip() or "ok"
    return "ok"


def read_path(connection: socket.socket) -> str:
    """The path of the request, read to the end of its headers; empty when there is none."""
    request = b""
    while b"\r\n\r\n" not in request:
        received = connection.recv(65536)
        if not received:
            return ""
        request += received
    return request.split(b" ", 2)[1].decode(errors="replace")


def respond(connection: socket.socket, status: int, *headers: str, body: bytes = b"") -> None:
    """A response that is in order, with the length of the body unless a header tells another."""
    told = any(header.startswith(("Content-Length", "Transfer-Encoding")) for header in headers)
    lines = [f"HTTP/1.1 {status} So It Is", *headers, "Connection: close"]
    if not told:
        lines.append(f"Content-Length: {len(body)}")
    connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def find_location(mode: str, path: str) -> str:
    """Where this page redirects to by the mode; empty when it doesn't."""
    if mode == "redirect" and path != "/another":
        return "/another"
    return {"loop": path, "ping-pong": "/ping" if path == "/pong" else "/pong", "away": ELSEWHERE}.get(mode, "")


def send_for_ever(connection: socket.socket, block: bytes, pause_seconds: float = 0) -> None:
    """Until the other side has had enough."""
    while True:
        connection.sendall(block)
        if pause_seconds:
            time.sleep(pause_seconds)


def answer(connection: socket.socket, mode: str, path: str) -> None:
    """One answer by the mode; a number is a status code."""
    if location := find_location(mode, path):
        respond(connection, 302, f"Location: {location}")
        return
    match mode:
        case "ok" | "redirect":
            respond(connection, 200, body=b"well\n")
        case "hang":  # until the client gives up
            while connection.recv(65536):
                pass
        case "close":
            pass
        case "endless":
            respond(connection, 200, "Transfer-Encoding: chunked")
            send_for_ever(connection, f"{len(BLOCK):x}\r\n".encode() + BLOCK + b"\r\n")
        case "huge" | "huge-500":
            respond(connection, 500 if mode == "huge-500" else 200, f"Content-Length: {10**12}")
            send_for_ever(connection, BLOCK)
        case "headers":
            connection.sendall(b"HTTP/1.1 200 So It Is\r\n")
            send_for_ever(connection, b"X-Endless: " + b"x" * 1000 + b"\r\n")
        case "drip":  # something comes all the time, and never all of it
            connection.sendall(b"HTTP/1.1 200 So It Is\r\nX-Slow: ")
            send_for_ever(connection, b"x", DRIP_SECONDS)
        case "garbage":
            connection.sendall(b"\x00\xffSSH-2.0-not-a-web-server\r\n" * 3)
        case _:
            respond(connection, int(mode), body=b"as told\n")


def serve(connection: socket.socket, context: ssl.SSLContext | None) -> None:
    """One connection, to its end; what the client does to it harms nobody."""
    with suppress(OSError), connection:
        secured = context.wrap_socket(connection, server_side=True) if context else connection
        with secured:
            path = read_path(secured)
            if path:
                mode = read_mode()
                print(f"{time.time():.3f} {mode} {path}", flush=True)
                answer(secured, mode, path)


def end(number: int, frame: FrameType | None) -> NoReturn:
    """At once, whatever its threads are at."""
    del number, frame
    os._exit(0)


def main() -> None:
    """Listens, except in the mode `refuse`, until it is stopped."""
    signal.signal(signal.SIGTERM, end)
    if "keep" not in sys.argv:
        MODE.unlink(missing_ok=True)
    context: ssl.SSLContext | None = None
    if "tls" in sys.argv:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain("/server.pem")
    listener: socket.socket | None = None
    while True:
        if read_mode() == "refuse":
            if listener:
                listener.close()
                listener = None
            time.sleep(POLL_SECONDS)
            continue
        if not listener:
            listener = socket.create_server(("", PORT), backlog=128)
            listener.settimeout(POLL_SECONDS)
        with suppress(TimeoutError):
            connection, _ = listener.accept()
            connection.settimeout(None)
            threading.Thread(target=serve, args=(connection, context), daemon=True).start()


if __name__ == "__main__":
    main()
