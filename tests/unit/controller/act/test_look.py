"""What is looked at just before an action: which labels count for who is to be stopped or moved."""

from __future__ import annotations

from dataclasses import replace

import pytest
from status_state_controller.model import Action, Image, Result, Verb

from ..fake_engine import FakeEngine
from ..stage import carried_out
from ..world import container, snapshot

BY_IMAGE = {"status-state.ignore": "true", "status-state.role": "api"}


@pytest.mark.parametrize(("own", "result"), [(BY_IMAGE, Result.DONE), ({}, Result.DROPPED)], ids=["own", "given"])
async def test_a_newcomer_is_stopped_though_its_image_would_protect_it(own: dict[str, str], result: Result) -> None:
    miner = replace(container("miner", labels=BY_IMAGE), image_id="miner")
    engine = FakeEngine(miner)
    engine.inspects[miner.id] = {"Image": "miner", "Mounts": []}
    engine.images["miner"], engine.contents["miner"] = "miner", Image("miner", config={"Labels": own})
    done = await carried_out(
        engine, Action(Verb.STOP, replace(miner, labels={}), "is not in the snapshot"), snapshot("web")
    )
    assert (done.result, engine.named("miner").state) == (result, "exited" if own else "running")
