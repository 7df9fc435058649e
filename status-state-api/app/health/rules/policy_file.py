"""The policy file: read at the start, and again whenever it changes. A broken new version changes nothing.

What it says is to be ignored must not be forgotten, or the controller would stop that. So the last version that was right
is kept beside the store, and stays in force, over restarts too, while the file is gone or something in it is wrong. Where
there is none yet, a wrong rule disables itself alone, and a file that can't be read at all ends the start. A version is
taken over when it has been the same for two looks: people and programs may write a file in several steps.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import structlog

from ...errors import PolicyUnusable
from ...process.threads import DaemonThreads
from ..timing import TIMING, Timing
from .policy import Policy
from .policy_yaml import PolicyBroken, read_policy

DEFAULT_PATH = Path("/etc/status-state/policy.yaml")
LARGEST_BYTES = 1024 * 1024

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_Signature = tuple[int, ...] | str | None


class PolicyFile:
    """The policy in force. There need not be a file at the default path; one that was named must be there.

    Args:
        path: the file.
        kept: where the last version that was right is kept.
        default_path: the path at which there need not be a file.
        timing: how often it is looked at.
    """

    def __init__(self, path: Path, kept: Path, *, default_path: Path = DEFAULT_PATH, timing: Timing = TIMING) -> None:
        self._path = path
        self._kept = kept
        self._default_path = default_path
        self._timing = timing
        # A megabyte of YAML takes seconds: not in the event loop, and not waited for at the end of the process.
        self._threads = DaemonThreads(1, "policy")
        self._signature: _Signature = None
        self._seen: _Signature = None
        self.policy = Policy()

    def load(self) -> None:
        """Read it at the start. Raises `PolicyUnusable` when it can't be known what is to be ignored."""
        self._signature = self._seen = self._look()
        try:
            policy, text = self._read()
        except PolicyUnusable as error:
            if not self._resume([error.cause]):
                raise
            return
        if (policy.problems or self._signature is None) and self._resume(policy.problems):
            return
        for problem in policy.problems:
            log.error("policy_rule_wrong", message="a rule of the policy is wrong, and not in force", problem=problem)
        self.policy = policy
        if not policy.problems and self._signature is not None:
            self._keep(text)

    async def watch(self, changed: Callable[[], Awaitable[None]]) -> None:
        """Look for ever whether the file has changed; call `changed` when a new version is in force."""
        while True:
            await asyncio.sleep(self._timing.policy)
            if await self._take_over():
                await changed()

    async def _take_over(self) -> bool:
        """Take over a new version, if there is one that has come to rest and nothing is wrong with it."""
        before, self._seen = self._seen, self._look()
        signature = self._seen
        if signature == self._signature or signature != before:
            return False
        self._signature = signature
        if signature is None:
            self._tell_gone()
            return False
        try:
            policy, text = await self._threads.run(self._read)
        except PolicyUnusable as error:
            self._tell_broken([error.cause])
            return False
        if policy.problems:
            self._tell_broken(policy.problems)
            return False
        self.policy = policy
        await self._threads.run(self._keep, text)
        log.info(
            "policy_changed",
            message="the policy has changed, and is in force",
            file=str(self._path),
            entries=len(policy.entries),
        )
        return True

    def _keep(self, text: str) -> None:
        """Keep a version that is right for the next start."""
        try:
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            draft = self._kept.with_suffix(".new")
            draft.write_text(text, encoding="utf-8")
            draft.replace(self._kept)
        except OSError as error:
            log.warning(
                "policy_not_kept",
                message="the policy can't be kept for the next start",
                cause=f"{self._kept}: {error.strerror or error}",
                remedy="Make SSA_DATA_DIR writable",
            )

    def _resume(self, problems: Sequence[str]) -> bool:
        """Use the version that was kept, if there is one that says something."""
        try:
            policy = read_policy(self._kept.read_text(encoding="utf-8"), self._path.name)
        except (OSError, ValueError, PolicyBroken):
            return False
        if policy.problems or not policy.entries:
            return False
        self.policy = policy
        if self._signature is None:
            self._tell_gone()
        else:
            self._tell_broken(problems)
        return True

    def _tell_gone(self) -> None:
        log.error(
            "policy_gone",
            message="the policy file is gone: what it said stays in force",
            file=str(self._path),
            remedy="To have no policy, leave the file there, and empty",
        )

    def _tell_broken(self, problems: Sequence[str]) -> None:
        log.error(
            "policy_unusable",
            message="the policy has changed, but can't be used: what it said before stays in force",
            problem="; ".join(problems),
            remedy="Fix the file; it is read again as soon as it changes",
        )

    def _look(self) -> _Signature:
        """Return what tells versions apart; None where there is no file."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            return str(error)
        return stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino

    def _read(self) -> tuple[Policy, str]:
        if self._signature is None and self._path != self._default_path:
            raise PolicyUnusable(
                f"there is no policy file {self._path}", "Mount it there, or correct SSA_POLICY_FILE, or leave it out"
            )
        if self._signature is None:
            return Policy(), ""
        try:
            with self._path.open("rb") as file:
                text = file.read(LARGEST_BYTES + 1)
            if len(text) > LARGEST_BYTES:
                raise PolicyUnusable(f"the policy file {self._path} is larger than a megabyte", "Shorten it")
            return read_policy(text.decode("utf-8"), self._path.name), text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise PolicyUnusable(f"the policy file {self._path} is no UTF-8 text", "Save it as UTF-8") from error
        except PolicyBroken as error:
            raise PolicyUnusable(f"{error}", "Fix the file") from error
        except OSError as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: OSError) -> PolicyUnusable:
        remedy = (
            "Make it readable for all (`chmod a+r`, and `a+x` on its folder): root in the container has no privileges"
        )
        if isinstance(error, IsADirectoryError):
            remedy = "The engine makes a folder in place of a file that is missing on the host: mount the file's folder"
        return PolicyUnusable(f"the policy file {self._path} can't be read: {error.strerror or error}", remedy)
