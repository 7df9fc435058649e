"""Asks the SSA over HTTP, as `http.client` can: what is asked for is small, and a larger client takes longer to import."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_SECONDS = 120.0
"""An accept reads every container of the host; the SSA's own time-outs are shorter, and it then says why."""

DEFAULT_TOKEN_FILE = "/run/status-state/token"  # noqa: S105 - where it is, as in the settings of the SSA


class Failed(Exception):
    """What was asked for could not be done; its text says why, and what to do, in a sentence."""


class Ssa:
    """The SSA in this container."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        host = environment.get("SSA_HOST") or "127.0.0.1"
        self._host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - to ask, not to listen
        self._port = environment.get("SSA_PORT") or "8000"
        self._token_file = Path(environment.get("SSA_TOKEN_FILE") or DEFAULT_TOKEN_FILE)

    def token(self) -> str:
        """Read the token; raises `Failed`."""
        try:
            token = self._token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            said = error.strerror if isinstance(error, OSError) else "it is no text"
            raise Failed(
                f"The token file {self._token_file} can't be read: {said}. Run this as root in the container of the "
                "status-state-api, once that has started."
            ) from None
        if not token:
            raise Failed(f"The token file {self._token_file} is empty. Delete it and restart the status-state-api.")
        return token

    def get(self, path: str) -> dict[str, Any]:
        """Ask for something; raises `Failed`. The token goes along where it can be read: reading may need it, too."""
        headers: dict[str, str] = {}
        with contextlib.suppress(Failed):
            headers["Authorization"] = f"Bearer {self.token()}"
        return self._request("GET", path, None, headers)

    def text(self, path: str) -> str:
        """Ask for a text, with the token; raises `Failed`."""
        status, content = self._ask("GET", path, None, {"Authorization": f"Bearer {self.token()}"})
        if status != http.client.OK:
            raise Failed(_problem("GET", path, status, _read(content)))
        return content.decode()

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for a change, with the token; raises `Failed`."""
        headers = {"Authorization": f"Bearer {self.token()}", "Content-Type": "application/json"}
        return self._request("POST", path, json.dumps(body).encode(), headers)

    def _request(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> dict[str, Any]:
        status, content = self._ask(method, path, body, headers)
        document = _read(content)
        if status != http.client.OK or document is None:
            raise Failed(_problem(method, path, status, document))
        return document

    def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> tuple[int, bytes]:
        if not self._port.isdecimal():
            raise Failed(f"SSA_PORT={self._port} is no port.")
        connection = http.client.HTTPConnection(self._host, int(self._port), timeout=TIMEOUT_SECONDS)
        where = f"{self._host}:{self._port}"
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read()
        except ConnectionRefusedError:
            raise Failed(
                f"Nobody answers at {where}: the status-state-api has not started yet, or has ended. Its log says why."
            ) from None
        except (OSError, http.client.HTTPException) as error:
            raise Failed(f"The status-state-api at {where} gives no answer: {error or type(error).__name__}.") from None
        finally:
            connection.close()


def _read(content: bytes) -> dict[str, Any] | None:
    try:
        document: Any = json.loads(content)
    except ValueError:
        return None
    return cast("dict[str, Any]", document) if isinstance(document, dict) else None


def _problem(method: str, path: str, status: int, document: dict[str, Any] | None) -> str:
    """Return the SSA's own sentence, with what it lists as wrong."""
    if document is None or not isinstance(document.get("detail"), str):
        return f"The status-state-api answers {method} {path} with {status}, and nothing that can be read."
    errors: list[str] = document.get("errors") or []
    return " ".join([document["detail"], *(f"{error}." for error in errors)])
