"""The engine's words for how long a container runs, and how it ended.

The texts are those of moby's `container.State.String` around `units.HumanDuration`.
"""

from __future__ import annotations

import pytest
from status_state_controller.model.status_text import exit_code, up_seconds

NOT_UP = [
    "",
    "Created",
    "Dead",
    "Removal In Progress",
    "Exited (137) 3 days ago",
    "Restarting (1) 5 seconds ago",
    "Restarting (0) Less than a second ago",
    "Something new",
]


@pytest.mark.parametrize(
    ("status", "seconds"),
    [
        ("Up Less than a second", 0),
        ("Up 1 second", 1),
        ("Up 59 seconds", 59),
        ("Up About a minute", 60),
        ("Up About a minute (unhealthy)", 60),
        ("Up 9 minutes", 540),
        ("Up 10 minutes (healthy)", 600),
        ("Up 59 minutes (health: starting)", 3540),
        ("Up About an hour", 3600),
        ("Up 2 hours (Paused)", 7200),
        ("Up 47 hours", 169200),
        ("Up 3 days", 259200),
        ("Up 2 weeks", 1209600),
        ("Up 4 months", 10368000),
        ("Up 2 years", 63072000),
        *((status, 0) for status in NOT_UP),
    ],
)
def test_the_time_that_a_container_is_up_is_read(status: str, seconds: int) -> None:
    assert up_seconds(status) == seconds


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("Exited (0) Less than a second ago", 0),
        ("Exited (0) About a minute ago", 0),
        ("Exited (1) 1 second ago", 1),
        ("Exited (137) 3 days ago", 137),
        ("Exited (-1) 2 weeks ago", -1),
        ("Restarting (1) 5 seconds ago", None),
        ("Created", None),
        ("Dead", None),
        ("", None),
        ("Up 3 minutes", None),
        ("Exited", None),
    ],
)
def test_the_exit_code_is_read(status: str, code: int | None) -> None:
    assert exit_code(status) == code
