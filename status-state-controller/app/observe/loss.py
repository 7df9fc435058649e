"""Whether the engine answers: logged once when it no longer does, and once when it does again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import EngineRefused

if TYPE_CHECKING:
    from ..errors import EngineError
    from ..process.lasting import Lasting


class EngineLostError(Exception):
    """Nobody has listened at the engine's socket for so long that only a restart of this container can help."""


class EngineLoss:
    """Knows since when nobody listens at the engine's socket.

    Args:
        lasting: logs it.
        given_up_seconds: how long that may last.
    """

    def __init__(self, lasting: Lasting, given_up_seconds: float) -> None:
        self._lasting = lasting
        self._given_up = given_up_seconds
        self._refused_since: float | None = None

    def answered(self) -> None:
        """Note that it has answered."""
        self._refused_since = None
        self._lasting.ends("engine", "engine_back", "the engine answers again")

    def lost(self, error: EngineError, now: float) -> None:
        """Note that it could not be asked; `now` in steady seconds.

        Raises:
            EngineLostError: it has refused connections for too long. A socket that was mounted as a file refuses for
                ever once its engine was replaced.
        """
        self._lasting.begins("engine", "engine_lost", str(error))
        if not isinstance(error, EngineRefused):
            self._refused_since = None
            return
        self._refused_since = now if self._refused_since is None else self._refused_since
        if now - self._refused_since >= self._given_up:
            raise EngineLostError(
                f"{error} Nobody has listened there for {self._given_up:g} s: ending, because only a restart of this "
                "container can mount a new socket"
            )
