"""Drawing on the page: strokes in units of 1/105 of the sheet, by mouse, by finger, or as events all at once."""

from __future__ import annotations

import time
from typing import Any

from served import ANSWERS_S
from tracing import Stroke

KA: list[Stroke] = [[(30, 18), (28, 50), (30, 86)], [(72, 22), (50, 40), (33, 52), (52, 66), (76, 86)]]
RING: list[Stroke] = [[(52, 15), (25, 30), (18, 55), (32, 80), (55, 88), (80, 75), (86, 50), (75, 26), (52, 15)]]
GATE: list[Stroke] = [[(22, 86), (21, 50), (24, 24), (52, 20), (82, 24), (84, 52), (83, 86)], [(52, 20), (53, 60)]]
WAVE: list[Stroke] = [[(14, 60), (26, 34), (38, 34), (52, 62), (66, 66), (78, 38), (92, 34)], [(20, 84), (88, 82)]]
HAND = """
  const sheet = document.getElementById("canvas");
  const replay = (strokes) => {
    const box = sheet.getBoundingClientRect();
    const send = (kind, [x, y]) => sheet.dispatchEvent(new PointerEvent(kind, {
      pointerId: 1, isPrimary: true, button: 0, bubbles: true, cancelable: true, pointerType: "pen",
      clientX: box.left + (x / 105) * box.width, clientY: box.top + (y / 105) * box.height,
    }));
    for (const points of strokes) {
      send("pointerdown", points[0]);
      for (const point of points.slice(1)) send("pointermove", point);
      send("pointerup", points.at(-1));
    }
  };
  const text = (id) => document.getElementById(id).textContent;
  const until = async (condition) => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
  };
"""
TEACH = """
  document.getElementById("name").value = name;
  for (const strokes of drawings) {
    replay(strokes);
    document.getElementById("teach").requestSubmit();
    await until(() => text("answer-title") === "Taught" && !document.getElementById("teach-button").disabled);
  }
"""
ASK = """
  const said = [];
  for (const strokes of drawings) {
    replay(strokes);
    await until(() => document.querySelector("#bars li"));
    said.push(text("answer"));
    document.getElementById("clear").click();
  }
  return said;
"""


def moved(strokes: list[Stroke], dx: float, dy: float) -> list[Stroke]:
    return [[(x + dx, y + dy) for x, y in points] for points in strokes]


def by_mouse(page: Any, strokes: list[Stroke]) -> None:
    for points in _places(page, strokes):
        page.mouse.move(*points[0])
        page.mouse.down()
        for place in points[1:]:
            page.mouse.move(*place)
        page.mouse.up()


def by_finger(page: Any, strokes: list[Stroke]) -> None:
    places = _places(page, strokes)
    session = page.context.new_cdp_session(page)
    for points in places:
        for number, (x, y) in enumerate(points):
            kind = "touchMove" if number else "touchStart"
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    session.detach()


def replay(page: Any, strokes: list[Stroke]) -> None:
    page.evaluate(f"strokes => {{ {HAND} replay(strokes); }}", strokes)


def taught_all(page: Any, name: str, drawings: list[list[Stroke]]) -> None:
    """Draw and teach each, within the page: no time is lost on the way to it."""
    page.evaluate(f"async ([name, drawings]) => {{ {HAND} {TEACH} }}", [name, drawings])


def recognised_all(page: Any, drawings: list[list[Stroke]]) -> list[str]:
    """Draw each and clear the sheet again; return what was recognised."""
    said: list[str] = page.evaluate(f"async (drawings) => {{ {HAND} {ASK} }}", drawings)
    return said


def teach(page: Any, name: str) -> None:
    """Teach what is on the sheet, and wait until it is taught."""
    page.fill("#name", name)
    page.click("#teach-button")
    page.wait_for_selector("#placeholder:not([hidden])")
    until(page, "document.getElementById('answer-title').textContent === 'Taught'")


def recognised(page: Any) -> str:
    """Wait until the memory has said what the sheet shows, and return it."""
    page.wait_for_selector("#bars li")
    return str(page.inner_text("#answer"))


def until(page: Any, condition: str) -> None:
    """Wait until a condition of the page holds; its policy forbids the eval that ``wait_for_function`` needs."""
    end = time.monotonic() + ANSWERS_S
    while not page.evaluate(condition):
        assert time.monotonic() < end, f"not within {ANSWERS_S} s: {condition}"
        page.wait_for_timeout(20)


def _places(page: Any, strokes: list[Stroke]) -> list[Stroke]:
    page.locator("#canvas").scroll_into_view_if_needed()
    box = page.locator("#canvas").bounding_box()
    scale = box["width"] / 105
    return [[(box["x"] + x * scale, box["y"] + y * scale) for x, y in points] for points in strokes]
