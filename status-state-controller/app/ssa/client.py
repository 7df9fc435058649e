"""The HTTP of the SSA: one question, one stream, one delivery. It knows nothing of what the answers mean."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx

from ..errors import ReportRefused, SsaError, SsaNotReady
from .wire import read_desired

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from pathlib import Path

    from ..model import Snapshot
    from .wire import Desired

SSA_CONNECT_TIMEOUT_SECONDS = 2.0
SSA_ANSWER_TIMEOUT_SECONDS = 10.0
"""For the whole answer, so that one that trickles in for ever can't hold up the checks."""

VERDICTS_SILENCE_SECONDS = 40.0
"""The SSA sends an empty line every 15 s."""

VERDICTS_LIMIT_BYTES = 4 * 1024 * 1024
"""For one line of verdicts: room for some thousand that are failing."""

SSA_ANSWER_LIMIT_BYTES = 64 * 1024 * 1024
"""About 8 KiB per original: room for some eight thousand."""


def ssa_client(url: str) -> httpx.AsyncClient:
    """Return the HTTP client for the SSA; proxies of the environment are for the outside world, not for a neighbour."""
    timeout = httpx.Timeout(SSA_ANSWER_TIMEOUT_SECONDS, connect=SSA_CONNECT_TIMEOUT_SECONDS)
    # Certificates are read only where they are needed: they take 5 MB.
    verify = url.startswith("https:")
    return httpx.AsyncClient(base_url=url, timeout=timeout, trust_env=False, follow_redirects=False, verify=verify)


async def read_recipes(
    client: httpx.AsyncClient, token_file: Path, held: Snapshot | None, told: Mapping[str, str] | None = None
) -> Desired | None:
    """Ask the SSA for the snapshot with its recipes, by one conditional request.

    Args:
        client: leads to it.
        token_file: what it asks for.
        held: the snapshot that is held, None for none.
        told: headers that tell it of the controller.

    Returns:
        What it answers, or None when the snapshot is still the one held.

    Raises:
        SsaNotReady: the SSA has no snapshot yet.
        SsaError: the SSA can't be reached, refuses, or its answer is incomplete, malformed or oversized.
    """
    headers = {**_headers(client, token_file), **(told or {})}
    if held is not None:
        headers["If-None-Match"] = held.tag or f'"{held.id}"'
    status, body, tag = await _exchange(client, "GET", "/snapshot/recipes", headers=headers)
    if status == HTTPStatus.NOT_MODIFIED and held is not None:
        return None
    if status == HTTPStatus.SERVICE_UNAVAILABLE and (reason := _reason(body)):
        raise SsaNotReady(f"the SSA at {client.base_url} has none yet: {reason}")
    if status != HTTPStatus.OK:
        raise SsaError(_refusal(client, status, body))
    return read_desired(body, tag)


async def follow_verdicts(client: httpx.AsyncClient, token_file: Path) -> AsyncGenerator[bytes]:
    """Yield what the SSA says of the originals' health, a line at a time, for as long as it goes on.

    Raises:
        SsaError: the SSA can't be reached, refuses, falls silent, or says what is no line.
    """
    timeout = httpx.Timeout(VERDICTS_SILENCE_SECONDS, connect=SSA_CONNECT_TIMEOUT_SECONDS)
    line = bytearray()
    try:
        async with client.stream("GET", "/verdicts", headers=_headers(client, token_file), timeout=timeout) as response:
            if response.status_code != HTTPStatus.OK:
                raise SsaError(_refusal(client, response.status_code, b""))
            async for chunk in response.aiter_raw():
                *complete, rest = chunk.split(b"\n")
                for part in complete:
                    line += part
                    if line:
                        yield bytes(line)
                    line.clear()
                line += rest
                if len(line) > VERDICTS_LIMIT_BYTES:
                    raise SsaError(f"the SSA's line of verdicts exceeds {VERDICTS_LIMIT_BYTES} bytes: it is not used")
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise SsaError(f"the SSA at {client.base_url} can't be followed: {reason}") from error


async def send_report(client: httpx.AsyncClient, token_file: Path, report: dict[str, Any]) -> None:
    """Deliver one report.

    Raises:
        ReportRefused: the SSA will never take this one.
        SsaError: it was not taken now.
    """
    status, body, _ = await _exchange(client, "POST", "/reports", headers=_headers(client, token_file), json=report)
    if status in {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}:
        raise ReportRefused(_refusal(client, status, body))
    if status != HTTPStatus.NO_CONTENT:
        raise SsaError(_refusal(client, status, body))


async def change_snapshot(client: httpx.AsyncClient, token_file: Path, change: dict[str, Any]) -> None:
    """Have the SSA change the snapshot, by one `POST /snapshot`; asked again, it changes nothing more.

    Raises:
        SsaError: it can't be reached, or refuses.
    """
    status, body, _ = await _exchange(client, "POST", "/snapshot", headers=_headers(client, token_file), json=change)
    if status != HTTPStatus.OK:
        raise SsaError(_refusal(client, status, body))


def _headers(client: httpx.AsyncClient, token_file: Path) -> dict[str, str]:
    # Read each time: the file appears when the SSA starts for the first time, and an operator may change it.
    try:
        token = token_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no plain text"
        raise SsaError(
            f"the token for the SSA at {client.base_url} can't be read from {token_file} ({reason}): both "
            "containers must mount the same token volume; the SSA writes the token at its first start"
        ) from None
    if not token.isprintable() or len(token.split()) != 1:
        raise SsaError(f"{token_file} holds no token: one line without spaces is expected, as the SSA writes it")
    # An identity encoding keeps the limit on the answer's size meaningful.
    return {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}


async def _exchange(
    client: httpx.AsyncClient, method: str, path: str, *, headers: dict[str, str], json: Any = None
) -> tuple[int, bytes, str]:
    """Return the status, the body, and what tells versions of it apart."""
    body = bytearray()
    try:
        async with (
            asyncio.timeout(SSA_ANSWER_TIMEOUT_SECONDS),
            client.stream(method, path, headers=headers, json=json) as response,
        ):
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > SSA_ANSWER_LIMIT_BYTES:
                    raise SsaError(f"the SSA's answer exceeds {SSA_ANSWER_LIMIT_BYTES} bytes: it is not used")
            return response.status_code, bytes(body), response.headers.get("ETag", "")
    except TimeoutError as error:
        raise SsaError(
            f"the SSA at {client.base_url} did not answer within {SSA_ANSWER_TIMEOUT_SECONDS:g} s"
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise SsaError(f"the SSA at {client.base_url} can't be asked: {reason}") from error


def _refusal(client: httpx.AsyncClient, status: int, body: bytes) -> str:
    if status == HTTPStatus.UNAUTHORIZED:
        return f"the SSA at {client.base_url} refuses the token: both containers must mount the same token volume"
    reason = _reason(body)
    if reason is None:
        return f"the SSA at {client.base_url} answered {status}, which is not an answer of an SSA"
    return f"the SSA at {client.base_url} answered {status}: {reason}"


def _reason(body: bytes) -> str | None:
    """Return what an SSA says in its own words, shortened; None when it is no answer of an SSA."""
    try:
        return str(httpx.Response(HTTPStatus.OK, content=body).json()["detail"])[:300]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
