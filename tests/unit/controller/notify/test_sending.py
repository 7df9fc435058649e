"""Messages reach real servers on loopback, whatever the other targets do, and nothing of a URL is told."""

from __future__ import annotations

import asyncio
import email
import os
import subprocess
import sys
import time
from email import policy
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from status_state_controller.notify.message import Level, Message
from status_state_controller.notify.sending import send

from .receivers import http_receiver, smtp_receiver

if TYPE_CHECKING:
    from collections.abc import Sequence

SERVICE = Path(__file__).resolve().parents[4] / "status-state-controller"
MESSAGE = Message("kiosk-17: web: started", "12:00:00 UTC: web had exited <with> code 1: started", Level.FAILURE)


async def test_a_message_is_taken_by_http_and_by_mail_and_broken_targets_keep_nobody_from_it() -> None:
    async with smtp_receiver() as smtp:
        mail = f"mailto://127.0.0.1:{smtp.port}?from=ssc@example.com&to=me@example.com"
        with http_receiver() as http:
            refused = "json://127.0.0.1:1/hunter2"
            urls = ["bogus://hunter2", http.url(), "slack://hunter2/hunter3", mail, refused, "hunter2"]
            problems = await send(urls, MESSAGE)
    assert [problem is None for problem in problems] == [False, True, False, True, False, False]
    assert "Connection refused" in str(problems[4])
    assert "hunter" not in str(problems)
    assert "127.0.0.1" not in str(problems)
    assert [(one["title"], one["message"], one["type"]) for one in http.taken] == [
        (MESSAGE.title, MESSAGE.body, "failure")
    ]
    (raw,) = smtp.mails
    parsed = email.message_from_string(raw, policy=policy.default)
    text = parsed.get_body(("plain",))
    assert parsed["Subject"] == MESSAGE.title
    assert text is not None
    assert MESSAGE.body in text.get_content()


async def test_without_a_message_urls_are_judged_and_nothing_is_sent() -> None:
    with http_receiver() as http:
        problems = await send([http.url(), "discord://hunter2"], None)
    assert problems[0] is None
    assert "Discord" in str(problems[1])
    assert http.taken == []


async def test_a_refusal_is_reported() -> None:
    with http_receiver() as http:
        http.status = 403
        (problem,) = await send([http.url()], MESSAGE)
    assert "403" in str(problem)


async def test_a_target_that_hangs_ends_at_the_time_out_with_the_process_and_the_others_are_served() -> None:
    with http_receiver() as http, http_receiver() as other:
        http.gate.clear()
        began = time.monotonic()
        assert await send([other.url()], MESSAGE) == [None]
        seconds = 1 + 3 * (time.monotonic() - began)  # what this machine needs at this moment, and more
        problems = await send([http.url(query="?rto=600"), other.url()], MESSAGE, seconds)
        taken = time.monotonic() - began
        assert (problems, len(other.taken)) == ([f"no answer within {seconds:g} s", None], 2)
        assert http.arrived.is_set()
    assert taken < 2 * seconds + 5


async def test_a_long_message_is_split_where_a_service_takes_only_a_part() -> None:
    with http_receiver() as http:
        (problem,) = await send([http.url()], Message("t", "word " * 10_000, Level.INFO))
    assert problem is None
    assert sum(len(one["message"].split()) for one in http.taken) == 10_000
    assert len(http.taken) > 1


def run_command(urls: Sequence[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the controller's command line."""
    command = [sys.executable, "-m", "app.notify.command", *arguments]
    environment = {"PATH": os.environ["PATH"], "SSC_NOTIFY_URLS": " ".join(urls), "DOCKER_HOST": "unix:///nowhere"}
    return subprocess.run(
        command, cwd=SERVICE, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


async def test_the_command_sends_a_test_and_tells_of_each_target_what_became_of_it() -> None:
    with http_receiver() as http:
        bad = await asyncio.to_thread(run_command, [http.url(), "json://127.0.0.1:1/hunter2"], "notify-test")
        good = await asyncio.to_thread(run_command, [http.url()], "notify-test")
    assert bad.stdout.splitlines()[0] == "1 (json://***): sent"
    assert bad.stdout.splitlines()[1].startswith("2 (json://***): failed: ")
    assert "hunter2" not in bad.stdout + bad.stderr
    assert (bad.returncode, good.returncode) == (1, 0)
    assert "test of the notifications" in http.taken[0]["title"]


@pytest.mark.parametrize(("arguments", "code"), [(["notify-test"], 1), ([], 2), (["notify-tset"], 2), (["--help"], 0)])
def test_the_command_says_what_is_missing(arguments: list[str], code: int) -> None:
    done = run_command([], *arguments)
    assert done.returncode == code
    assert "notify-test" in done.stdout + done.stderr or "SSC_NOTIFY_URLS" in done.stderr


def test_the_controller_never_imports_apprise() -> None:
    code = "import sys, app.main, app.notify.sending, app.notify.command; print('apprise' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=SERVICE, capture_output=True, text=True, check=False)
    assert done.stdout == "False\n", done.stderr
