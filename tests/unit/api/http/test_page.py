"""The page at `/`: its files, that nothing but them is loaded, and who may have them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest
from status_state_api.http.app import create_app
from status_state_api.http.gate import KnownHosts
from status_state_api.http.page import FOLDER

from ..ssa import BEARER, TOKEN, Ssa, beside_two_containers

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

FILES = sorted(path.name for path in FOLDER.iterdir())
KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


@pytest.fixture
async def ssa() -> AsyncGenerator[Ssa]:
    """An SSA without a snapshot: the page is there from the beginning."""
    async with beside_two_containers() as ssa:
        yield ssa


@pytest.mark.parametrize("path", ["/", *(f"/page/{name}" for name in FILES)])
async def test_each_file_is_served_strictly_and_once(ssa: Ssa, path: str) -> None:
    answer = await ssa.client.get(path)
    name = path.removeprefix("/page/") if path != "/" else "index.html"
    assert answer.content == (FOLDER / name).read_bytes()
    assert answer.headers["content-type"].startswith(KINDS[name.rpartition(".")[2]])
    policy = answer.headers["content-security-policy"]
    for rule in (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
    ):
        assert rule in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = await ssa.client.get(path, headers={"If-None-Match": f'W/"x", {answer.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert (await ssa.client.get(path, headers={"If-None-Match": '"another"'})).status_code == 200


@pytest.mark.parametrize("name", ["none.js", "__init__.py", "%2e%2e%2fmain.py", "a/b", "STYLE.CSS"])
async def test_nothing_else_is_served(ssa: Ssa, name: str) -> None:
    assert (await ssa.problem("GET", f"/page/{name}"))[0] == 404


async def test_a_page_of_another_host_does_not_get_it(ssa: Ssa) -> None:
    assert (await ssa.problem("GET", "/", headers={"Host": "evil.example"}))[0] == 421


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_loaded_from_elsewhere_and_no_text_becomes_markup(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    urls = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[\w./]*", text)) - {"http://www.w3.org/2000/svg"}
    assert urls == set()
    assert (
        re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|localStorage|setHTML|DOMParser", text
        )
        == []
    )
    assert re.findall(r"<[^>]+ (?:style|on\w+)=", text) == []


def test_every_file_is_used_and_all_that_is_used_is_there() -> None:
    texts = {name: (FOLDER / name).read_text(encoding="utf-8") for name in FILES}
    imported = {name for text in texts.values() for name in re.findall(r'from "\./([\w.]+)"', text)}
    linked = set(re.findall(r'"page/([\w.]+)"', texts["index.html"]))
    assert imported | linked | {"index.html"} == set(FILES)


async def test_where_reading_needs_the_token_the_page_is_open_and_what_it_shows_is_not(ssa: Ssa) -> None:
    app = create_app(ssa.parts, TOKEN, KnownHosts([], ssa.holder), read_token=True)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        told = {path: (await client.get(path)).status_code for path in ("/", "/page/main.js", "/overview", "/pages")}
        assert told == {"/": 200, "/page/main.js": 200, "/overview": 401, "/pages": 401}
        assert (await client.get("/overview", headers=BEARER)).status_code == 200
