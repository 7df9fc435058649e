"""Every period that the plan goes by, in seconds. Tests pass shorter ones."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Timing:
    """The defaults are the design's; those of the back-off are the kubelet's."""

    interval: float = 30.0
    """Until the next check, when nothing asks for one sooner."""
    new_container_grace: float = 0.0
    """How long newcomers may live."""
    empty_snapshot_grace: float = 600.0
    """How long they may when the snapshot is empty, since the first of them was seen: it may be so by accident."""
    accepted_after: float = 10.0
    """A replacement that fails at once must not become the truth. Docker calls a start successful after this time, too."""
    replacement: float = 60.0
    """Under `on-replace: accept`: a deploy removes the old container first, and may pull an image before it makes the new one."""
    first_backoff: float = 10.0
    longest_backoff: float = 300.0
    recovered_after: float = 600.0
    """An original that has run for so long begins anew: that a command succeeded proves nothing."""
    health_settles: float = 5.0
    """What is unhealthy is acted on once nobody else has become so for this long: many at once have another cause."""
    health_settles_at_most: float = 30.0
    """The usual interval of health checks: those that become unhealthy together have shown it by then."""
    ssa_finds_out: float = 60.0
    """What three failures of a probe take by default, and its start period."""
    restart_turn: float = 15.0
    """The engine's usual stop time-out, and time for the start: then the next unhealthy original has its turn; 0: no turns."""
    dependencies: float = 60.0
    """An original starts without what it depends on after this time: half a service beats none."""
    removing: float = 60.0
    """A removal that takes longer is taken to last for ever, as some do."""
    look_again: float = 1.0
    """When to look again at what changes by itself (compose, a turn, a dependency); events tell it sooner."""


def timing_for(interval: float, new_container_grace: float, *, empty_snapshot_grace: float, dry_run: bool) -> Timing:
    """Return the periods as the settings have them, in seconds."""
    timing = Timing(
        interval=interval, new_container_grace=new_container_grace, empty_snapshot_grace=empty_snapshot_grace
    )
    # In a dry run nobody is restarted, so nobody has to wait for that.
    return replace(timing, restart_turn=0.0) if dry_run else timing
