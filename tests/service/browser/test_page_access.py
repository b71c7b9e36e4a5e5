"""Accessibility of the page: keyboard, screen reader, dark mode."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pen import recognised, until
from served import Server
from visits import STILL, Visit, opened, with_examples

LONGEST_TAB = 60  # stops before the one looked for
CONTRAST = """() => {
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const part = (v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const low = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !element.checkVisibility() || element.disabled || element.closest("#placeholder, option")) continue;
    const svg = element instanceof SVGElement;
    const ink = parts(getComputedStyle(element)[svg ? "fill" : "color"]);
    let behind = element, paper;
    do {
      paper = parts(getComputedStyle(behind).backgroundColor);
      behind = behind.parentElement;
    } while (behind && paper[3] === 0);
    const [a, b] = [light(ink), light(paper)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) low.push(`${element.tagName} ${element.textContent.slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return low;
}"""


def focus_by_tab(page: Any, wanted: str, key: str = "Tab") -> None:
    """Press ``key`` until the element that matches ``wanted`` has the focus, which is seen at every stop."""
    for _ in range(LONGEST_TAB):
        page.keyboard.press(key)
        if page.evaluate("document.activeElement !== document.body"):
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        if page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
            return
    raise AssertionError(f"no {key} leads to {wanted}")


def test_keyboard_alone_is_enough(server: Server, visit: Visit) -> None:
    page = opened(visit, server, **STILL)
    focus_by_tab(page, "#choose")
    focus_by_tab(page, "#sets button")
    page.keyboard.press("Enter")
    page.wait_for_selector(".thumb:focus")
    wanted = page.get_attribute(".thumb:focus", "aria-label").removeprefix("Try a drawing of ")
    page.keyboard.press("Enter")
    assert recognised(page) == wanted
    focus_by_tab(page, "#name", "Shift+Tab")
    page.keyboard.type(wanted)
    taught = server.classes[wanted]
    assert f"{taught} drawings so far" in page.inner_text("#hint")
    page.keyboard.press("Enter")
    until(page, "document.getElementById('answer-title').textContent === 'Taught'")
    assert server.classes[wanted] == taught + 1
    page.keyboard.press("Enter")
    assert page.inner_text("#hint") == "Draw something first, or choose an image."
    focus_by_tab(page, "#classes button")
    label = page.get_attribute("#classes button:focus", "aria-label")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="hidden")
    assert page.get_attribute("#classes button:focus", "aria-label") == label
    focus_by_tab(page, "#age")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#age-words") == "in a minute"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_and_everything_has_a_name(scheme: str, server: Server, visit: Visit) -> None:
    page = opened(visit, server, color_scheme=scheme, **STILL)
    assert page.evaluate(CONTRAST) == []
    with_examples(page)
    page.click(".thumb >> nth=0")
    recognised(page)
    page.locator("#age").scroll_into_view_if_needed()
    page.wait_for_selector("#confidence .with circle")
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate("getComputedStyle(document.body).colorScheme") != ""
    dark = sum(map(int, re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor")))) < 200
    assert dark is (scheme == "dark")
    for role in ("button", "textbox", "combobox", "slider", "img", "link"):
        for each in page.get_by_role(role).all():
            if not each.is_visible():  # drawn again since they were listed
                continue
            tree = each.aria_snapshot()
            assert re.search(rf'{role} "[^"]+"', tree), f"a {role} without a name: {tree}"
    assert page.get_by_role("heading", level=1).count() == 1
