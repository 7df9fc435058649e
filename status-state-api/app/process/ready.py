"""Exits 0 when the service is ready: the health check of the container, run as a script (`python3 -I -S ready.py`).

It runs every few seconds on small machines, so it imports next to nothing and is done in some 15 ms.
"""

import socket
import sys
from os import environ

TIMEOUT_SECONDS = 12.0  # longer than the service waits for its engine: it then answers why it is not ready


def main() -> int:
    """Ask `/readyz`; say on the standard error what is wrong, if anything is."""
    host = environ.get("SSA_HOST") or "127.0.0.1"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - to ask, not to listen
    port = int(environ.get("SSA_PORT") or 8000)
    shown = f"[{host}]" if ":" in host else host
    try:
        with socket.create_connection((host, port), TIMEOUT_SECONDS) as connection:
            connection.sendall(f"GET /readyz HTTP/1.0\r\nHost: {shown}:{port}\r\n\r\n".encode())
            answer = b""
            while part := connection.recv(4096):
                answer += part
    except OSError as error:
        sys.stderr.write(f"nobody answers at {shown}:{port}: {error}\n")
        return 1
    status = answer.split(b" ", 2)[1:2]
    if status == [b"200"]:
        return 0
    sys.stderr.write(answer.partition(b"\r\n\r\n")[2].decode(errors="replace") + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
