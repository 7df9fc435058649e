"""What the `/status` document says of each container, and what of it is a difference from the snapshot. Pure.

The document comes as JSON from the SSA itself. Fields that another version may lack are read as absent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .moments import clock

if TYPE_CHECKING:
    from collections.abc import Mapping

Document = dict[str, Any]

DRIFTED = {
    "missing": "does not run",
    "replaced": "is another container under this name",
    "newcomer": "runs and is not in the snapshot",
}
"""The standings that are a difference by themselves, and what is said of them as long as the controller says nothing."""

_LASTING = frozenset({"unhealthy", "replaced"})
"""The kinds of finding about a container that runs as an original."""

_FIELDS = re.compile(r"^(?P<head>.*?) \((?P<fields>[^ ]+: .* → .*)\)(?P<tail>.*)$", re.DOTALL)
_BETWEEN = re.compile(r", (?=(?:and \d+ more$)|(?:[^\s,]+: ))")


def part(document: Mapping[str, Any], key: str) -> Document:
    """Return an object inside the document; empty where there is none."""
    return document.get(key) or {}


def objects(document: Mapping[str, Any], key: str) -> list[Document]:
    """Return a list of objects inside the document; empty where there is none."""
    return document.get(key) or []


def words(document: Mapping[str, Any], key: str) -> list[str]:
    """Return a list of texts inside the document; empty where there is none."""
    return document.get(key) or []


@dataclass(frozen=True, slots=True)
class Row:
    """One container: `health` is `ok`, `failing`, `unknown` or empty, `last` what was done last, or is awaited."""

    id: str
    name: str
    standing: str
    status: str = ""
    health: str = ""
    image: str = ""
    last: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference from the snapshot, `fields` as `field: old → new`."""

    name: str
    what: str
    reason: str
    fields: tuple[str, ...] = ()
    last: str = ""


def rows(document: Document) -> list[Row]:
    """Return the containers by name, the originals first; none while nothing is known of what runs."""
    running = {container["id"]: container for container in objects(document, "running")}
    originals = _originals(document)
    by_name = {original["name"]: original for original in originals.values()}
    verdicts = _verdicts(document)
    last = _last(document)
    found: list[Row] = []
    for entry in objects(document, "standings"):
        reference = entry["container"]
        container_id, name = reference["id"], reference["name"]
        now, original = running.get(container_id, {}), originals.get(container_id) or by_name.get(name, {})
        found.append(
            Row(
                container_id,
                name,
                entry["standing"],
                now.get("status", ""),
                verdicts.get(container_id, ("", ""))[0],
                (now or original).get("image", ""),
                last.get(container_id) or last.get(name) or last.get(original.get("id", ""), ""),
            )
        )
    return sorted(found, key=lambda row: (row.standing in {"newcomer", "released", "protected"}, row.name))


def differences(document: Document) -> list[Difference]:
    """Return what differs from the snapshot, originals first: what runs or does not, then what the controller has found."""
    found: list[Difference] = []
    findings, verdicts = _findings(document), _verdicts(document)
    settled = {key for outcome in _outcomes(document) if outcome["result"] == "done" for key in _keys(outcome)}
    originals = {original["name"]: original for original in _originals(document).values()}
    images = {container["id"]: container for container in objects(document, "running")}
    for row in rows(document):
        original_id = originals.get(row.name, {}).get("id", row.id)
        finding = findings.get(row.id) or findings.get(original_id) or findings.get(row.name)
        if row.standing in DRIFTED:
            reason, fields = _split(finding["reason"] if finding else DRIFTED[row.standing])
            if row.standing == "replaced" and not fields:
                fields = _image_difference(originals.get(row.name, {}), images.get(row.id, {}))
            found.append(Difference(row.name, row.standing, reason, fields, row.last))
        elif row.health == "failing" and row.standing == "original":
            found.append(Difference(row.name, "unhealthy", verdicts[row.id][1], (), row.last))
        elif (
            finding and row.standing == "original" and finding["kind"] in _LASTING and not settled & {row.id, row.name}
        ):
            reason, fields = _split(finding["reason"])
            found.append(Difference(row.name, finding["kind"], reason, fields, row.last))
    return found


def split_fields(told: str | None) -> tuple[str, ...]:
    """Return the fields of a difference that is told as one line: `image: a → b, env.COLOUR: set → other`."""
    return tuple(_BETWEEN.split(told)) if told else ()


def _split(reason: str) -> tuple[str, tuple[str, ...]]:
    """Split the reason of a finding into its sentence and the fields that it names in brackets."""
    match = _FIELDS.match(reason)
    return (reason, ()) if match is None else (match["head"] + match["tail"], split_fields(match["fields"]))


def _image_difference(original: Mapping[str, Any], container: Mapping[str, Any]) -> tuple[str, ...]:
    if not original or not container or original["image_id"] == container["image_id"]:
        return ()
    by_name = original["image"] != container["image"]
    old, new = ((one["image"] if by_name else one["image_id"][:19]) for one in (original, container))
    return (f"image: {old} → {new}",)


def _originals(document: Document) -> dict[str, dict[str, Any]]:
    return {original["id"]: original for original in objects(part(document, "snapshot"), "originals")}


def _verdicts(document: Document) -> dict[str, tuple[str, str]]:
    """Return by container id the worst of its verdicts, and its reason."""
    order = ("ok", "unknown", "failing")
    worst: dict[str, tuple[str, str]] = {}
    for verdict in objects(document, "verdicts"):
        container_id, word = verdict["container"]["id"], verdict["verdict"]
        if container_id not in worst or order.index(word) > order.index(worst[container_id][0]):
            worst[container_id] = (word, verdict["reason"])
    return worst


def _report(document: Document) -> dict[str, Any]:
    return part(part(document, "controller"), "report")


def _outcomes(document: Document) -> list[Document]:
    return objects(_report(document), "outcomes")


def _keys(about: Mapping[str, Any]) -> tuple[str, str]:
    return about["container"]["id"], about["container"]["name"]


def _findings(document: Document) -> dict[str, dict[str, Any]]:
    """Return the findings by id and by name; none of a report that is about another snapshot than the one in force."""
    report = _report(document)
    if report.get("snapshot_id") != part(document, "snapshot").get("id"):
        return {}
    return {key: finding for finding in objects(report, "findings") for key in _keys(finding)}


def _last(document: Document) -> dict[str, str]:
    """Return by id and by name what became of the last action, as far as the last report tells."""
    told: dict[str, str] = {}
    for outcome in _outcomes(document):
        detail, until = outcome.get("detail"), outcome.get("until")
        text = f"{outcome['action']}: {outcome['result'].replace('_', ' ')}"
        text += f" until {clock(until, document['at'])}" if until else ""
        text += f", {detail}" if detail else ""
        told |= dict.fromkeys(_keys(outcome), text)
    return told
