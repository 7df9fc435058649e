"""The routes of the journal: what was done, when, why, and how available the originals were."""

import re
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import WithJsonSchema

from ...durations import parse_duration
from ...errors import StoreUnavailable
from ...journal import journal
from ...journal.availability import as_percentage, as_percentages
from ...journal.entry import Kind, NumberedEntry, as_utc
from ...journal.journal import Journal
from ...journal.originals import Availability
from ..problems import JSON_HEADERS, NEVER_STORE, ProblemError, documented
from ..requests import WITHOUT_NUL
from ..schemas import AvailabilityDocument, JournalPage, OriginalAvailability

MOST_AT_ONCE = 1000
USUAL = 100
LARGEST_NUMBER = 2**63 - 1
"""As the store holds it."""
RETRY_AFTER_SECONDS = 5

USUAL_MOMENTS = (
    "^([1-9][0-9]{0,4}[smh]?|20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3])(:[0-5][0-9]){2}Z)$"
)
"""How they are mostly written; some more is read."""

_AGO = re.compile("[1-9][0-9]{0,4}[smh]?")

Moment = Annotated[
    Annotated[str, WithJsonSchema({"type": "string", "pattern": USUAL_MOMENTS})] | None,
    Query(
        max_length=40,
        description="A time, `2026-11-26T12:00:00Z`, or how long ago: `15m`, `24h`.",
    ),
]


def journal_routes(kept: Journal, availability: Availability) -> APIRouter:
    """What everyone may ask who can reach the port."""
    router = APIRouter(tags=["journal"])
    _add_journal(router, kept)
    _add_availability(router, availability)
    return router


def _add_journal(router: APIRouter, kept: Journal) -> None:
    @router.get(
        "/journal",
        summary="What was done",
        response_model=JournalPage,
        responses={200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}, **documented(422, 503)},
    )
    async def get_journal(  # pyright: ignore[reportUnusedFunction] - the route uses it
        *,
        limit: Annotated[int, Query(ge=1, le=MOST_AT_ONCE, description="How many entries at most.")] = USUAL,
        before: Annotated[
            int | None, Query(ge=0, le=LARGEST_NUMBER, description="Only entries before this number: the next page.")
        ] = None,
        after: Annotated[
            int | None, Query(ge=0, le=LARGEST_NUMBER, description="Only entries after this number: what is new.")
        ] = None,
        container: Annotated[
            str | None, Query(max_length=300, pattern=WITHOUT_NUL, description="Only about this container.")
        ] = None,
        kind: Annotated[list[Kind] | None, Query(description="Only of these kinds.")] = None,
        since: Moment = None,
        until: Moment = None,
        format: Annotated[  # noqa: A002 - as it stands in the address
            Literal["json", "jsonl"],
            Query(description="`jsonl`: all that match, a line of JSON each, not only a page."),
        ] = "json",
    ) -> Response:
        """What was done, when, why, by whom and with which outcome; the newest first, in pages.

        Entries are kept as long as `SSA_JOURNAL_DAYS` and `SSA_JOURNAL_ENTRIES` say. Their numbers only grow, with gaps.
        """
        query = journal.Query(
            limit, before, after, container, tuple(kind or ()), _moment("since", since), _moment("until", until)
        )
        if format == "jsonl":
            query = replace(query, limit=MOST_AT_ONCE)
        try:
            entries = await kept.read(query)
        except StoreUnavailable as error:
            raise _no_journal(error) from error
        if format == "jsonl":
            lines = _lines(kept, query, entries)
            return StreamingResponse(lines, media_type="application/x-ndjson", headers=NEVER_STORE)
        more = entries[-1].number if len(entries) == limit and after is None else None
        return Response(JournalPage(entries=entries, next_before=more).model_dump_json(), headers=JSON_HEADERS)


def _add_availability(router: APIRouter, availability: Availability) -> None:
    @router.get(
        "/availability",
        summary="For how long the originals were well",
        response_model=AvailabilityDocument,
        responses=documented(503),
    )
    async def get_availability() -> Response:  # pyright: ignore[reportUnusedFunction] - the route uses it
        """For which share of the last 1, 7 and 30 days each original was running and not failing, in per cent.

        Time of which nothing is known counts neither way: before the journal began, and while this service was away.
        """
        try:
            known_since, found = await availability.shares()
        except StoreUnavailable as error:
            raise _no_journal(error) from error
        document = AvailabilityDocument(
            known_since=known_since,
            originals=[
                OriginalAvailability(
                    name=name,
                    percent=as_percentages(one.shares),
                    history=[as_percentage(slot) for slot in one.history],
                )
                for name, one in sorted(found.items())
            ],
        )
        return Response(document.model_dump_json(), headers=JSON_HEADERS)


async def _lines(kept: Journal, query: journal.Query, page: list[NumberedEntry]) -> AsyncGenerator[bytes]:
    """All that match, read a page at a time: however many there are, they are never held together."""
    while page:
        yield "".join(entry.model_dump_json(exclude_none=True) + "\n" for entry in page).encode()
        if len(page) < query.limit:
            return
        at_end = {"before": page[-1].number} if query.after is None else {"after": page[0].number}
        query = replace(query, **at_end)
        page = await kept.read(query)


def _moment(name: str, text: str | None) -> datetime | None:
    """Read a time, or how long ago it was."""
    if text is None:
        return None
    try:
        if _AGO.fullmatch(text):
            return datetime.now(UTC) - timedelta(seconds=parse_duration(text))
        if "T" in text:
            return as_utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):  # the latter for one that UTC has no year for
        pass
    raise ProblemError(422, f"{name}={text[:40]} is no time: write 2026-11-26T12:00:00Z, or 15m.")


def _no_journal(error: StoreUnavailable) -> ProblemError:
    return ProblemError(503, f"The journal can't be read: {error}", {"Retry-After": str(RETRY_AFTER_SECONDS)})
