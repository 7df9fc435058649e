"""The standing of each container as bytes for `/status`: made anew only when something that it depends on has changed."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from ...engine.view import Listing
from ...journal.controller import ControllerRecord, ReceivedReport
from ...snapshot.held import Held
from ...snapshot.holder import PolicySource, SnapshotHolder
from ...snapshot.standing import Desired, standings


class Standings:
    """Knows the standing of each container."""

    def __init__(self, holder: SnapshotHolder, controller: ControllerRecord, policies: PolicySource) -> None:
        self._holder = holder
        self._controller = controller
        self._policies = policies
        self._made_of: tuple[object, ...] = ()
        self._made = b"[]"

    def document(self, listing: Listing) -> bytes | None:
        """The standings as JSON; None without a snapshot."""
        held, report, policy = self._holder.held, self._controller.report, self._policies.policy
        if held is None:
            return None
        made_of = (listing, held, report, policy)
        if len(self._made_of) != 4 or any(old is not new for old, new in zip(self._made_of, made_of, strict=True)):
            found, replaced = _read_findings(held, report)
            desired = Desired(
                held.snapshot.originals, held.labels, held.snapshot.released, policy.apply, found, replaced
            )
            told = standings(desired, listing.containers)
            self._made = orjson.dumps(
                [{"container": {"id": one, "name": name}, "standing": standing} for one, name, standing in told]
            )
            self._made_of = made_of
        return self._made


def _read_findings(held: Held, report: ReceivedReport | None) -> tuple[set[str], set[str]]:
    """Return the ids and names of the findings, and of those that are `replaced`; none of a report on another snapshot."""
    document: dict[str, Any] = {} if report is None else orjson.loads(report.document)
    findings: list[dict[str, Any]] = document["findings"] if document.get("snapshot_id") == held.snapshot.id else []
    replaced = [finding for finding in findings if finding["kind"] == "replaced"]
    return _named(findings), _named(replaced)


def _named(findings: Iterable[Mapping[str, Any]]) -> set[str]:
    return {finding["container"][key] for finding in findings for key in ("id", "name")}
