"""The page of a server of several memories: create, open, back up, restore, delete."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pen import KA, taught_all
from served import Server, Starting
from visits import STILL, Visit


@pytest.fixture
def folder_server(tmp_path: Path, chromium: str) -> Iterator[Server]:
    (tmp_path / "taught.insitu").mkdir()
    started = Starting(tmp_path)
    yield Server(started.address())
    started.stop()
    started.stopped()


def test_memories_are_created_restored_and_deleted(folder_server: Server, visit: Visit, tmp_path: Path) -> None:
    page = visit(folder_server.address, expected="Failed to load resource", **STILL)
    page.wait_for_selector("#nothing:not([hidden])")
    for name, kind in (("cups", "omniglot"), ("numbers", "none")):
        page.fill("#name", name)
        page.select_option("#encoder", kind)
        page.click("#create button")
        page.wait_for_selector(f"#memories a:text-is('{name}')")
    page.click("#memories a:text-is('cups')")
    page.wait_for_selector("#bench:not([hidden])")
    assert page.inner_text("#about") == "· cups · omniglot"
    assert page.title() == "cups · insitu"
    taught_all(page, "ka", [KA])
    page.click("#backup summary")
    with page.expect_download() as download:
        page.click("#backup-get")
    assert download.value.suggested_filename == "cups.insitu"
    download.value.save_as(tmp_path / "copy.insitu")
    page.click("#above")
    page.wait_for_selector("#memories a")
    (tmp_path / "broken.insitu").write_bytes((tmp_path / "copy.insitu").read_bytes()[:5000])
    page.fill("#restore-name", "again")
    page.set_input_files("#restore-file", tmp_path / "broken.insitu")
    page.click("#restore button")
    page.wait_for_selector("#error:not([hidden])")
    page.set_input_files("#restore-file", tmp_path / "copy.insitu")
    page.click("#restore button")
    page.wait_for_selector("#memories a:text-is('again')")
    assert [each["label"] for each in folder_server.ask("/m/again/api/memory")["classes"]] == ["ka"]
    page.get_by_role("button", name="Delete numbers", exact=True).click()
    page.locator("dialog[open]").get_by_role("button", name="Delete").click()
    page.wait_for_selector("#memories a:text-is('numbers')", state="detached")
    assert [each["name"] for each in folder_server.ask("/api/memories")["memories"]] == ["again", "cups"]
    assert {file.stem for file in (tmp_path / "taught.insitu").glob("*.insitu")} == {"again", "cups"}
