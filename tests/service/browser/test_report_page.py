"""The page of a report in a browser: no table is cut at the edge of the screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from insitu.report import document, html_page

REPORTS = Path(__file__).parents[2] / "report" / "reports"
MEASURE = """() => ({
  page: document.documentElement.scrollWidth,
  beyond: [...document.querySelectorAll(".scroll")].filter(box => box.scrollWidth > box.clientWidth + 1).length,
  boxes: [...document.querySelectorAll("table")].every(table =>
    getComputedStyle(table.parentElement).overflowX === "auto"),
})"""


@pytest.mark.parametrize("name", ["schema-2-movements", "schema-2-tasks", "schema-2-stream", "report-0.1.0"])
def test_tables_fit_a_desktop_and_scroll_on_a_phone(browser: Any, name: str) -> None:
    made = html_page.page(document.load(REPORTS / f"{name}.json"))
    page = browser.new_page()
    page.set_content(made)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        found = page.evaluate(MEASURE)
        assert found["page"] <= width
        assert found["boxes"]
        assert width < 1280 or not found["beyond"]
    page.close()
