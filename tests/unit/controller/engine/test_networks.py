"""Networks and volumes: made once, found by exact name, and gone only where the engine says so."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from status_state_controller.engine import connection as engine_module

from .test_client import FakeClient, FakeConnection, answer, engine, refusal

if TYPE_CHECKING:
    import requests


def lead_to(client: FakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every connection lead to this client."""

    def connect(**how: Any) -> FakeConnection:
        return FakeConnection(client, how["version"])

    monkeypatch.setattr(engine_module, "APIClient", connect)


class MakingClient(FakeClient):
    """An engine that makes as many networks of one name as it is asked for, each a moment later."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[dict[str, Any]] = [{"Name": "back-longer", "Id": "other"}]

    def networks(self, names: list[str] | None = None) -> list[dict[str, Any]]:
        """List those whose names hold the word, as engines do."""
        return [one for one in self.made if all(name in one["Name"] for name in names or [])]

    def _url(self, path: str) -> str:
        return path

    def _post_json(self, path: str, data: dict[str, Any]) -> requests.Response:
        assert path == "/networks/create"
        time.sleep(0.05)  # the step between its look for a duplicate and the making
        self.made.append({"Name": data["Name"], "Id": f"made {len(self.made)}"})
        return answer(self.made[-1])


async def test_a_network_that_is_needed_by_several_at_once_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lead_to(MakingClient(), monkeypatch)
    one = engine()
    assert await asyncio.gather(*(one.ensure_network({"Name": "back"}) for _ in range(3))) == ["made 1"] * 3
    assert await one.networks() == {"back-longer": {"other"}, "back": {"made 1"}}


@pytest.mark.parametrize(
    ("told", "there"),
    [({"Name": "data"}, True), (refusal(404, "no such volume"), False), (refusal(500, "the driver is away"), True)],
    ids=["there", "gone", "not known"],
)
async def test_a_volume_is_gone_only_where_the_engine_says_so(
    told: object, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = FakeClient()
    client.answers["inspect_volume"] = told
    lead_to(client, monkeypatch)
    assert await engine().has_volume("data") is there
