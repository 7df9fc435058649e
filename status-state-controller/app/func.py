"""What the controller does to the world: ping the SSA, start, restart and stop containers.

Each function does one thing once. Whether and when is decided elsewhere (plan.py, backoff.py, main.py); here every
action begins by looking again, because what was observed may have changed since.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx

from .errors import ContainerError, EngineError, ReportRefused, SsaError
from .health import still_ill
from .model import DOWN_STATES, RUNNING_STATES, Outcome, Result
from .order import namespaces
from .plan import restart_rule
from .protection import protection
from .wire import read_snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from pathlib import Path

    from .engine import Engine
    from .illness import Verdicts
    from .model import Action, EngineIdentity, Snapshot

SSA_CONNECT_TIMEOUT_SECONDS = 2.0
SSA_ANSWER_TIMEOUT_SECONDS = 10.0
"""For the whole answer, so that one that trickles in for ever can't hold up the checks."""

VERDICTS_SILENCE_SECONDS = 40.0
"""The SSA gives a sign of life every 15 s."""

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


async def ping_ssa(
    client: httpx.AsyncClient, token_file: Path, engine: EngineIdentity, held: Snapshot | None
) -> Snapshot | None:
    """Ask the SSA for the snapshot with its recipes, by one conditional request.

    Returns:
        The snapshot, or None when it is still the one held.

    Raises:
        SsaError: the SSA can't be reached, refuses, or its answer is incomplete, malformed, oversized or foreign.
    """
    headers = _headers(client, token_file)
    if held is not None:
        headers["If-None-Match"] = held.tag or f'"{held.id}"'
    status, body, tag = await _exchange(client, "GET", "/snapshot/recipes", headers=headers)
    if status == HTTPStatus.NOT_MODIFIED and held is not None:
        return None
    if status != HTTPStatus.OK:
        raise SsaError(_refusal(client, status, body))
    return replace(read_snapshot(body, engine), tag=tag)


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


async def start(engine: Engine, action: Action, snapshot: Snapshot, attempting: Callable[[], None]) -> Outcome:
    """Start the container of an original that is down.

    Args:
        engine: where.
        action: what, and why.
        snapshot: the snapshot in force at this moment, which may be newer than the action.
        attempting: called just before the engine is told to start it.
    """
    original = snapshot.by_id.get(action.original_id or "")
    if original is None or protection(original.labels) is not None:
        return Outcome(action, Result.DROPPED, "it is no longer in the snapshot, or protected by now")
    try:
        seen = await _look_again(engine, action)
        if isinstance(seen, Outcome):
            return seen
        state = _name_and_state(seen)[1]
        if state == "running":
            return Outcome(action, Result.DONE, "it ran already")
        if state not in DOWN_STATES:
            return Outcome(action, Result.DROPPED, f"it is {state} by now")
        attempting()
        await engine.start(action.container.id)
    except (ContainerError, EngineError) as error:
        return Outcome(action, Result.FAILED, str(error))
    return Outcome(action, Result.DONE)


async def restart(
    engine: Engine, action: Action, snapshot: Snapshot, verdicts: Callable[[], Verdicts], attempting: Callable[[], None]
) -> Outcome:
    """Restart the container of an original that is ill, with its own stop signal and stop time-out.

    Args:
        engine: where.
        action: what, and why.
        snapshot: the snapshot in force at this moment, which may be newer than the action.
        verdicts: returns what the SSA says at the moment of the call.
        attempting: called just before the engine is told to restart it.
    """
    original = snapshot.by_id.get(action.original_id or "")
    if original is None or protection(original.labels) is not None or restart_rule(original.labels) == "never":
        return Outcome(action, Result.DROPPED, "it is no longer in the snapshot, or to be left alone by now")
    try:
        seen = await _look_again(engine, action)
        if isinstance(seen, Outcome):
            return seen
        state = _name_and_state(seen)[1]
        if state != "running":
            return Outcome(action, Result.DROPPED, f"it is {state} by now")
        if action.illness is None or not still_ill(seen, action.illness, verdicts()):
            return Outcome(action, Result.DROPPED, "it is well again, or was started anew")
        attempting()
        await engine.restart(action.container.id, seen["Config"].get("StopTimeout"))
        followed = await _restart_joined(engine, {action.container.id, original.name}, snapshot)
    except (ContainerError, EngineError) as error:
        return Outcome(action, Result.FAILED, str(error))
    along = f"and so were those that use its namespaces: {', '.join(followed)}" if followed else None
    return Outcome(action, Result.DONE, along)


async def _restart_joined(engine: Engine, parent: set[str], snapshot: Snapshot) -> list[str]:
    """Restart the originals that run in a namespace of a container just restarted; return their names.

    The engine has given it a new network: whoever joined the old one has none any more.
    """
    followed: list[str] = []
    for other in snapshot.originals:
        if not namespaces(other.inspect) or restart_rule(other.labels) == "never":
            continue
        seen = await engine.inspect(other.name)
        # Whoever has its name now need not be the one that joined.
        if seen is None or not parent.intersection(namespaces(seen)) or _name_and_state(seen)[1] != "running":
            continue
        if protection({**_labels(seen), **snapshot.policy.labels(other.name)}) is None:
            await engine.restart(seen["Id"], seen["Config"].get("StopTimeout"))
            followed.append(other.name)
    return followed


async def stop(engine: Engine, action: Action, snapshot: Snapshot) -> Outcome:
    """Stop a newcomer with its own stop signal and stop time-out. It is never removed.

    Args:
        engine: where.
        action: what, and why.
        snapshot: the snapshot in force at this moment, which may be newer than the action.
    """
    if action.container.id in snapshot.by_id:
        return Outcome(action, Result.DROPPED, "it belongs to the snapshot by now")
    try:
        seen = await engine.inspect(action.container.id)
        if seen is None:
            return Outcome(action, Result.DONE, "it was gone already")
        name, state = _name_and_state(seen)
        if name != action.container.name:
            return Outcome(action, Result.DROPPED, f"it was renamed to {name}")
        if state not in RUNNING_STATES:
            return Outcome(action, Result.DONE, "it was down already")
        if protection({**_labels(seen), **snapshot.policy.labels(name)}) is not None:
            return Outcome(action, Result.DROPPED, "the policy protects it by now")
        await engine.stop(action.container.id, seen["Config"].get("StopTimeout"))
    except (ContainerError, EngineError) as error:
        return Outcome(action, Result.FAILED, str(error))
    if seen["HostConfig"].get("AutoRemove"):
        return Outcome(action, Result.DONE, "the engine deletes it with its anonymous volumes: it was run with --rm")
    return Outcome(action, Result.DONE)


async def _look_again(engine: Engine, action: Action) -> dict[str, Any] | Outcome:
    """Look at the container of an original; return what is seen, or the outcome when it is no longer that one's."""
    seen = await engine.inspect(action.container.id)
    if seen is None:
        return Outcome(action, Result.DROPPED, "it is gone by now")
    name = _name_and_state(seen)[0]
    return seen if name == action.container.name else Outcome(action, Result.DROPPED, f"it was renamed to {name}")


def _labels(seen: dict[str, Any]) -> dict[str, str]:
    return seen["Config"].get("Labels") or {}


def _name_and_state(seen: dict[str, Any]) -> tuple[str, str]:
    return str(seen["Name"]).removeprefix("/"), str(seen["State"]["Status"])


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
    try:
        detail = httpx.Response(status, content=body).json()["detail"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return f"the SSA at {client.base_url} answered {status}, which is not an answer of an SSA"
    return f"the SSA at {client.base_url} answered {status}: {str(detail)[:300]}"
