"""The policy file: read at the start, and again whenever it changes. A broken new version changes nothing.

At the start a wrong rule disables itself alone, but a file that can't be read at all ends the start: it may say what is
to be ignored, and the controller would stop that. Later a version with anything wrong in it is told and not used.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import structlog

from ..errors import PolicyUnusable
from .policy import Policy, PolicyBroken, read_policy

DEFAULT_PATH = Path("/etc/status-state/policy.yaml")
LOOK_SECONDS = 1.0
LARGEST_BYTES = 1024 * 1024

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_Signature = tuple[int, int, int]


class PolicyFile:
    """The policy in force. There need not be a file at the default path; one that was named must be there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._signature: _Signature | None = None
        self.policy = Policy()

    def load(self) -> None:
        """Read it at the start. Raises `PolicyUnusable` when it can't be known what is to be ignored."""
        self._signature = self._look()
        if self._signature is None and self._path != DEFAULT_PATH:
            raise PolicyUnusable(
                f"there is no policy file {self._path}", "Mount it there, or correct SSA_POLICY_FILE, or leave it out"
            )
        self.policy = self._read()
        for problem in self.policy.problems:
            log.error("a rule of the policy is wrong, and not in force", problem=problem)

    async def watch(self, changed: Callable[[], Awaitable[None]]) -> None:
        """Look for ever whether the file has changed; call `changed` when a new version is in force."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._take_over():
                await changed()

    def _take_over(self) -> bool:
        """Take over a new version, if there is one and nothing is wrong with it."""
        try:
            signature = self._look()
            if signature == self._signature:
                return False
            self._signature = signature
            if signature is None:
                log.error(
                    "the policy file is gone: what it said stays in force",
                    file=str(self._path),
                    remedy="To have no policy, leave the file there, and empty",
                )
                return False
            policy = self._read()
        except PolicyUnusable as error:
            self._tell_broken([error.cause])
            return False
        if policy.problems:
            self._tell_broken(policy.problems)
            return False
        self.policy = policy
        log.info("the policy has changed, and is in force", file=str(self._path), entries=len(policy.entries))
        return True

    def _tell_broken(self, problems: Sequence[str]) -> None:
        log.error(
            "the policy has changed, but can't be used: what it said before stays in force",
            problem="; ".join(problems),
            remedy="Mend the file; it is read again as soon as it changes",
        )

    def _look(self) -> _Signature | None:
        """Return what tells versions apart; None where there is no file."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unreadable(error) from error
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _read(self) -> Policy:
        if self._signature is None:
            return Policy()
        try:
            with self._path.open("rb") as file:
                text = file.read(LARGEST_BYTES + 1)
            if len(text) > LARGEST_BYTES:
                raise PolicyUnusable(f"the policy file {self._path} is larger than a megabyte", "Shorten it")
            return read_policy(text.decode("utf-8"), self._path.name)
        except UnicodeDecodeError as error:
            raise PolicyUnusable(f"the policy file {self._path} is no UTF-8 text", "Save it as UTF-8") from error
        except PolicyBroken as error:
            raise PolicyUnusable(f"{error}", "Mend the file") from error
        except OSError as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: OSError) -> PolicyUnusable:
        remedy = (
            "Make it readable for all (`chmod a+r`, and `a+x` on its folder): root in the container has no privileges"
        )
        if isinstance(error, IsADirectoryError):
            remedy = "The engine makes a folder in place of a file that is missing on the host: mount the file's folder"
        return PolicyUnusable(f"the policy file {self._path} can't be read: {error.strerror or error}", remedy)
