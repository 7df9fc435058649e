"""Why the engine can't be asked, and what to do about it: from the error at the root to a cause and a remedy.

Pure: what lies at the socket's path is passed in. Knows the operating system's errors, not the Docker SDK's.
"""

import socket
import ssl
from enum import Enum

from ..errors import EngineUnavailable

LOOK_AT_ENGINE = "Look at the engine on its host: `systemctl status docker`, `journalctl -u docker`"


class AtPath(Enum):
    """What lies at the path of the engine's socket."""

    NOTHING = "nothing"
    DIRECTORY = "directory"
    OTHER = "other"
    SOCKET = "socket"
    NO_PATH = "no path"
    """The engine is asked over the network."""


def explain(address: str, at_path: AtPath, error: BaseException) -> EngineUnavailable:
    """Say why the engine at `address` can't be asked; `error` is what the operating system or Python said."""
    unusable_path = _explain_path(address, at_path)
    if unusable_path is not None:
        return unusable_path
    if isinstance(error, PermissionError):
        return EngineUnavailable(
            f"permission to use {address} is denied",
            "Run as the user who owns the socket (uid 0 in the container, as the image does); with SELinux add "
            "`security_opt: [label=disable]`; for a rootless engine mount its own socket, $XDG_RUNTIME_DIR/docker.sock",
        )
    if isinstance(error, ConnectionRefusedError):
        return EngineUnavailable(
            f"nobody listens at {address}: the engine is down, or this socket is that of an engine since replaced",
            "Start the engine (`systemctl start docker`)",
            refused=True,
        )
    if isinstance(error, ssl.SSLError):
        return _explain_tls(address, error)
    if isinstance(error, TimeoutError):
        return EngineUnavailable(f"the engine at {address} does not answer in time", LOOK_AT_ENGINE)
    if isinstance(error, socket.gaierror):
        return EngineUnavailable(
            f"the host's name in {address} can't be resolved", "Correct DOCKER_HOST, or fix the name service"
        )
    if isinstance(error, ConnectionError):
        return EngineUnavailable(f"the engine at {address} hung up", LOOK_AT_ENGINE)
    if isinstance(error, OSError):
        return EngineUnavailable(
            f"the engine at {address} can't be reached: {error.strerror or error}",
            "Correct DOCKER_HOST, or fix the way there",
        )
    return EngineUnavailable(
        f"what answers at {address} is no Docker engine: {brief(error)}",
        "Correct DOCKER_HOST, or the socket that is mounted",
    )


def explain_status(address: str, status: int, message: str) -> EngineUnavailable:
    """Say what it means that the engine answers with an error of HTTP."""
    said = f"the engine at {address} answers with {status}: {message.strip() or 'no reason given'}"
    if "HTTP request to an HTTPS server" in message:
        return EngineUnavailable(
            f"the engine at {address} wants TLS", "Set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH to its certificates"
        )
    if status in {401, 403}:
        return EngineUnavailable(said, "Allow these requests in the engine's authorization plugin or socket proxy")
    if status == 404:
        return EngineUnavailable(said, "Correct DOCKER_HOST: what answers there is no Docker engine")
    if status == 400 and "version" in message:
        return EngineUnavailable(said, "Use an engine and a Status State of closer versions")
    return EngineUnavailable(said, LOOK_AT_ENGINE)


def brief(error: BaseException) -> str:
    """The first line of what an error says, without its final stop."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(". ")[:200]


def _explain_path(address: str, at_path: AtPath) -> EngineUnavailable | None:
    if at_path is AtPath.NOTHING:
        return EngineUnavailable(
            f"there is no socket at {address}: it is not mounted into this container, or the engine is down",
            "Mount it (`volumes: [/var/run/docker.sock:/var/run/docker.sock]`) and start the engine, or set DOCKER_HOST",
            refused=True,
        )
    if at_path is AtPath.DIRECTORY:
        return EngineUnavailable(
            f"{address} is a directory: the engine makes one in place of a socket that is missing on the host",
            "Remove that directory on the host, start the engine, and create this container again",
        )
    if at_path is AtPath.OTHER:
        return EngineUnavailable(f"{address} is not a socket", "Mount the engine's socket there, or set DOCKER_HOST")
    return None


def _explain_tls(address: str, error: ssl.SSLError) -> EngineUnavailable:
    if isinstance(error, ssl.SSLCertVerificationError):
        return EngineUnavailable(
            f"the certificate of the engine at {address} is not accepted: {brief(error)}",
            "Put the CA that signed it into ca.pem in DOCKER_CERT_PATH, and use a name that the certificate holds",
        )
    if "WRONG_VERSION_NUMBER" in str(error) or "HTTP_REQUEST" in str(error):
        return EngineUnavailable(
            f"the engine at {address} speaks no TLS",
            "Unset DOCKER_TLS_VERIFY and DOCKER_CERT_PATH, or use its TLS port",
        )
    return EngineUnavailable(
        f"TLS with the engine at {address} fails: {brief(error)}",
        "Put ca.pem, cert.pem and key.pem of this engine into DOCKER_CERT_PATH",
    )
