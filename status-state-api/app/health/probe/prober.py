"""Probes a container once, by HTTP.

Whatever it does is a result of a defined kind: see docs/architecture.md, "What a probe makes of an answer". The verdict
falls with the head of the response; its body is not read, so an endless one costs nothing.
"""

import asyncio
import base64
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import SplitResult, unquote, urlsplit

from ..rules.rules import ProbeRule
from ..timing import TIMING, Timing
from ..verdict import ProbeResult, State
from .route import Route

if TYPE_CHECKING:
    import httpx

MOST_REDIRECTS = 10
"""As many as kubelet's probes follow."""
USER_AGENT = "status-state"

_NO_TLS = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNEXPECTED_EOF_WHILE_READING", "HTTP_REQUEST"}
"""What OpenSSL calls an answer that is not of TLS."""


def show(url: str) -> str:
    """Return a probe's URL for people: without what may be a secret, the user's name and the query."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def port_of(url: str) -> int:
    """Return the container's port that a probe is about."""
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


class Prober:
    """Sends probes; keeps no connection. Its library is loaded with the first one: without, it costs no memory.

    Args:
        timing: how much earlier than a probe's time-out the following of redirects ends.
    """

    def __init__(self, timing: Timing = TIMING) -> None:
        self._timing = timing
        # Not a client, which is a browser: it would keep cookies, share them, and follow by itself.
        self._transports: dict[bool, httpx.AsyncHTTPTransport] = {}

    @cached_property
    def _httpx(self):  # noqa: ANN202 - the module itself, whose type has no name
        import httpx  # noqa: PLC0415 - a few MB and 40 ms, for those who use probes

        return httpx

    async def close(self) -> None:
        """Close what is open."""
        transports, self._transports = self._transports, {}
        for transport in transports.values():
            await transport.aclose()

    async def probe(self, route: Route, rule: ProbeRule, *, reached: bool) -> tuple[ProbeResult, bool]:
        """Probe once.

        Args:
            route: where.
            rule: what.
            reached: whether this route has led to the container before: then a closed door is the container's.

        Returns:
            The result, and whether a connection was made.
        """
        connected = False

        async def trace(event: str, _: Mapping[str, Any]) -> None:
            nonlocal connected
            connected = connected or event == "connection.connect_tcp.complete"

        self._transport(insecure=_is_insecure(rule))  # reading the trusted certificates is not the container's time
        deadline = asyncio.get_running_loop().time() + rule.timeout
        try:
            async with asyncio.timeout_at(deadline):
                result = await self._exchange(route, rule, {"trace": trace}, deadline)
        except TimeoutError:
            result = self._too_slow(rule, blame=connected or route.certain or reached)
        except (self._httpx.HTTPError, self._httpx.InvalidURL, OSError, ValueError) as error:
            result = self._explain(error, route, connected=connected, blame=route.certain or reached)
        return result, connected

    async def _exchange(
        self, route: Route, rule: ProbeRule, extensions: dict[str, Any], deadline: float
    ) -> ProbeResult:
        parts = urlsplit(rule.url)
        status, location = await self._get(route, parts, rule, extensions)
        said = f"answered {status}"
        if not 200 <= status < 400:
            return ProbeResult(State.FAILING, said)
        if status >= 300 and location:
            # A redirect was an answer, and so it is ok, whatever becomes of following it, unless it leads in a circle.
            with suppress(TimeoutError, self._httpx.HTTPError, self._httpx.InvalidURL, OSError, ValueError):
                async with asyncio.timeout_at(deadline - self._timing.redirects):
                    if await self._is_a_loop(route, parts, rule, location, extensions):
                        return ProbeResult(State.FAILING, f"{said}, which leads in a circle")
        return ProbeResult(State.OK, said)

    async def _get(
        self, route: Route, parts: SplitResult, rule: ProbeRule, extensions: dict[str, Any]
    ) -> tuple[int, str]:
        """Send one request; return the status and where it redirects to, if it does."""
        headers = {"User-Agent": USER_AGENT, "Accept": "*/*", "Connection": "close", "Host": _authority(parts, route)}
        if parts.username is not None:
            credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers["Authorization"] = f"Basic {base64.b64encode(credentials.encode()).decode()}"
        if parts.scheme == "https" and parts.hostname:
            extensions = {**extensions, "sni_hostname": parts.hostname}
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        url = self._httpx.URL(scheme=parts.scheme, host=route.host, port=route.port, raw_path=target.encode())
        request = self._httpx.Request("GET", url, headers=headers, extensions=extensions)
        transport = self._transport(insecure=_is_insecure(rule))
        response = await transport.handle_async_request(request)
        await response.aclose()
        return response.status_code, response.headers.get("Location", "")

    async def _is_a_loop(
        self, route: Route, parts: SplitResult, rule: ProbeRule, location: str, extensions: dict[str, Any]
    ) -> bool:
        """Follow a redirect within the same server, to see that it ends. Where else it leads is nobody's fault here."""
        seen = {_target(parts)}
        asked = parts._replace(netloc=_authority(parts, route))
        for _ in range(MOST_REDIRECTS):
            following = urlsplit(str(self._httpx.URL(asked.geturl()).join(location)))
            if _server(following) != _server(asked):
                return False
            if _target(following) in seen:
                return True
            seen.add(_target(following))
            following_parts = parts._replace(path=following.path, query=following.query)
            status, location = await self._get(route, following_parts, rule, extensions)
            if not 300 <= status < 400 or not location:
                return False
            asked = following
        return True

    def _transport(self, *, insecure: bool) -> "httpx.AsyncHTTPTransport":
        if insecure not in self._transports:
            self._transports[insecure] = self._httpx.AsyncHTTPTransport(
                verify=not insecure,
                trust_env=False,  # proxies are for the outside world, not for a neighbour
                limits=self._httpx.Limits(max_connections=None, max_keepalive_connections=0),
            )
        return self._transports[insecure]

    @staticmethod
    def _too_slow(rule: ProbeRule, *, blame: bool) -> ProbeResult:
        if blame:
            return ProbeResult(State.FAILING, f"did not answer within {rule.timeout:g} s")
        return ProbeResult(
            State.UNKNOWN,
            f"can't be asked: no connection within {rule.timeout:g} s, a firewall may be in the way. Attach this "
            "service to its network (README, «A route for probes»)",
        )

    def _explain(self, error: Exception, route: Route, *, connected: bool, blame: bool) -> ProbeResult:
        for cause in _causes(error):
            if isinstance(cause, ssl.SSLCertVerificationError):
                return ProbeResult(
                    State.UNKNOWN,
                    f"can't be asked: its certificate is not accepted ({cause.verify_message}). Set "
                    "probe.insecure: true, or name a host in probe.url that the certificate holds",
                )
            if isinstance(cause, ssl.SSLError):
                return _no_tls(cause)
            if isinstance(cause, ConnectionRefusedError):
                return _refused(route, blame=blame)
        if not connected:
            # Unreachable, no way, too many open files, …: whatever it is, the container has not been asked.
            return ProbeResult(State.UNKNOWN, f"can't be asked at {route.host}:{route.port}: {_said(error)}")
        if isinstance(error, self._httpx.RemoteProtocolError) and "disconnected" not in str(error):
            return ProbeResult(State.FAILING, "answered what is no HTTP")
        if isinstance(error, self._httpx.RemoteProtocolError | self._httpx.NetworkError | OSError):
            return ProbeResult(State.FAILING, "hung up without an answer")
        return ProbeResult(State.UNKNOWN, f"can't be asked: {_said(error)}")


def _is_insecure(rule: ProbeRule) -> bool:
    return rule.insecure or urlsplit(rule.url).scheme == "http"


def _no_tls(error: ssl.SSLError) -> ProbeResult:
    """Tell what is no TLS at all from what only doesn't suit: the container's fault, or the rule's."""
    if isinstance(error, ssl.SSLEOFError) or (error.reason or "") in _NO_TLS:
        return ProbeResult(State.FAILING, "answered what is no TLS")
    return ProbeResult(
        State.UNKNOWN,
        f"can't be asked: its TLS is not to be agreed with ({error.reason or error}). Ask it by http, or have the "
        "container's own health check ask",
    )


def _said(error: Exception) -> str:
    """Return what the operating system said, if it said something."""
    said = (cause.strerror for cause in _causes(error) if isinstance(cause, OSError) and cause.strerror)
    return next(said, None) or str(error) or type(error).__name__


def _refused(route: Route, *, blame: bool) -> ProbeResult:
    if blame:
        return ProbeResult(State.FAILING, "refused the connection: nobody listens there")
    return ProbeResult(
        State.UNKNOWN,
        f"can't be asked: {route.host}:{route.port} refuses the connection, and it is not certain that this is the "
        "container. Attach this service to its network (README, «A route for probes»)",
    )


def _authority(parts: SplitResult, route: Route) -> str:
    """Return what is sent as Host: the name in the rule where it has one, else the address."""
    named = parts.netloc.rpartition("@")[2]
    if named and not named.startswith(":"):
        return named
    host = f"[{route.host}]" if ":" in route.host else route.host
    return host + named if named else host


def _server(parts: SplitResult) -> tuple[str, str | None, int]:
    return parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


def _target(parts: SplitResult) -> tuple[str, str]:
    return parts.path or "/", parts.query


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk through everything that an exception wraps."""
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [cause for cause in (current.__cause__, current.__context__) if cause is not None]
        if isinstance(current, BaseExceptionGroup):
            waiting += cast("BaseExceptionGroup[BaseException]", current).exceptions
