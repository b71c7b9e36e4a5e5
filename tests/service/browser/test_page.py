"""The page in a real browser with a real server: teach, predict, forget, project in time."""

from __future__ import annotations

import base64
import io
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pen import GATE, KA, RING, WAVE, by_finger, by_mouse, moved, recognised, replay, taught_all, teach, until
from PIL import Image, ImageDraw
from served import Server
from visits import STILL, Visit, opened, with_examples

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
# where the page's picture for the documentation is written, if at all; counts are those of a new memory in
#   INSITU_PAGE_PICTURE=docs/figures/page.png python -m pytest tests/service/browser -k desktop
PICTURE = os.environ.get("INSITU_PAGE_PICTURE")


def fits(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def png(strokes: list[list[tuple[float, float]]], side: int, ink: int, paper: int) -> bytes:
    image = Image.new("L", (side, side), paper)
    for points in strokes:
        ImageDraw.Draw(image).line([(x * side / 105, y * side / 105) for x, y in points], ink, side // 20)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("device", [{}, PHONE], ids=["desktop", "phone"])
def test_it_is_taught_by_drawing_and_recognises(device: dict[str, Any], server: Server, visit: Visit) -> None:
    page = opened(visit, server, **device)
    draw = by_finger if device else by_mouse
    until(page, "document.querySelector('#answer').textContent.includes('new')")
    assert fits(page)
    before = page.evaluate("scrollY")
    for shift in (0, 4):
        for name, strokes in (("ka", KA), ("ring", RING)):
            draw(page, moved(strokes, shift, -shift))
            teach(page, name)
    if device:
        page.locator("#canvas").scroll_into_view_if_needed()
        assert abs(page.evaluate("scrollY") - before) < 844, "a finger on the sheet draws, and does not scroll"
    assert server.classes == {"ka": 2, "ring": 2}
    assert "pulse" in page.get_attribute("#answer-under", "title"), "what it cost is told on hover"
    for name, strokes in (("ka", KA), ("ring", RING)):
        draw(page, moved(strokes, -3, 2))
        assert recognised(page) == name
        if device:
            assert page.locator("#answer").bounding_box()["y"] + page.evaluate("scrollY") < 700, "above the fold"
        best, other = (float(t.replace("−", "-")) for t in page.locator("#bars .number").all_inner_texts())
        assert best > other
        page.click("#clear")
    assert page.locator("#classes li[data-label]").count() == 2
    assert re.search(
        r"512 device pairs, mean G\+ [\d.]+ µS", page.get_attribute("#classes canvas >> nth=0", "aria-label")
    )
    assert int(page.text_content("#ledger .big >> nth=1").replace(",", "")) > 1000, "pulses"
    assert int(page.text_content("#ledger .big >> nth=2")) >= 2, "products"
    assert fits(page)
    if PICTURE and not device:
        picture(page, Path(PICTURE))


def test_a_message_covers_no_button_of_the_form(server: Server, visit: Visit) -> None:
    page = opened(visit, server, viewport={"width": 1280, "height": 800})
    until(page, "/written here, pulse by pulse/.test(document.querySelector('#stage figcaption').textContent)")
    page.evaluate("import('./static/messages.js').then(made => made.say('Taught: cup.', () => {}))")
    until(page, "document.getElementById('status').textContent")
    toast, *rest = page.evaluate(
        """() => [".toast", "#teach-button", "#name", "#clear", "#choose", "#undo"].map(each => {
          const { left, top, right, bottom } = document.querySelector(each).getBoundingClientRect();
          return [left, top, right, bottom];
        })"""
    )
    for left, top, right, bottom in rest:
        assert right <= toast[0] or left >= toast[2] or bottom <= toast[1] or top >= toast[3]


def test_a_column_crystallises_pulse_by_pulse(server: Server, visit: Visit) -> None:
    page = opened(visit, server)
    until(page, "/amorphous/.test(document.querySelector('#stage figcaption').textContent)")
    page.evaluate("""() => {
      window.frames_seen = [];
      const stage = document.getElementById("stage"), words = stage.querySelector("figcaption");
      const keep = () => window.frames_seen.push([words.textContent, stage.querySelector("canvas").toDataURL()]);
      new MutationObserver(keep).observe(words, { childList: true });
      keep();
    }""")
    taught_all(page, "ka", [KA])
    until(page, "/^Crystallised/.test(document.querySelector('#stage figcaption').textContent)")
    until(page, "/^Crystallised/.test(window.frames_seen.at(-1)[0])")
    frames = page.evaluate("window.frames_seen")
    assert "amorphous" in frames[0][0]
    assert any(re.match(r"pulse \d+ of \d+", words) for words, _ in frames)
    assert len({image for _, image in frames}) >= 3, "amorphous, in between, crystallised"


def test_strokes_are_undone_one_by_one(server: Server, visit: Visit) -> None:
    page = opened(visit, server)
    sheet = "() => document.getElementById('canvas').toDataURL()"
    empty = page.evaluate(sheet)
    by_mouse(page, KA[:1])
    one = page.evaluate(sheet)
    by_mouse(page, KA[1:])
    page.keyboard.press("Control+z")
    assert page.evaluate(sheet) == one != empty
    page.click("#undo")
    assert page.evaluate(sheet) == empty
    assert page.is_disabled("#undo")
    assert page.is_disabled("#clear")


def test_a_class_is_forgotten_once_that_is_confirmed(server: Server, visit: Visit) -> None:
    page = opened(visit, server, **STILL)
    names = with_examples(page)
    page.get_by_role("button", name=f"Forget {names[0]}", exact=True).click()
    page.wait_for_selector("dialog[open]")
    page.get_by_role("button", name="Keep").click()
    assert sorted(server.classes) == sorted(names)
    page.get_by_role("button", name=f"Forget {names[0]}", exact=True).click()
    page.locator("dialog").get_by_role("button", name="Forget").click()
    until(page, f"document.querySelectorAll('#classes li[data-label]').length === {len(names) - 1}")
    assert sorted(server.classes) == sorted(names[1:])
    assert names[0] in page.inner_text("#status")
    page.click("#status-undo")
    until(page, f"document.querySelectorAll('#classes li[data-label]').length === {len(names)}")
    assert sorted(server.classes) == sorted(names)


def test_a_drift_projection_changes_nothing(server: Server, visit: Visit) -> None:
    page = opened(visit, server, **STILL)
    with_examples(page)
    before = server.ask("/api/memory")
    page.locator("#age").scroll_into_view_if_needed()
    until(page, "document.querySelectorAll('#confidence .with circle').length === 7")
    fresh = page.evaluate("document.querySelector('#classes canvas').toDataURL()")
    page.locator("#age").focus()
    page.keyboard.press("End")
    until(page, "document.querySelector('#age-said .left .big').textContent !== '100\\u00a0%'")
    assert page.get_attribute("#age", "aria-valuetext") == "in ten years"
    assert page.inner_text("#age-words") == "in ten years"
    assert [t.split("\n")[0] for t in page.locator("#age-said div").all_inner_texts()] == [
        "Left of the signal",
        "With compensation",
        "Without compensation",
    ]
    left = float(page.inner_text("#age-said .left .big").split("\u00a0")[0])
    assert 40 < left < 70, "(ten years / 38.6 s) ** -0.04 is 0.53"
    assert page.evaluate("document.querySelector('#classes canvas').toDataURL()") != fresh
    kept, lost = (float(page.inner_text(f"#age-said .{each} .big")) for each in ("with", "without"))
    assert lost < kept - 0.2, "the similarity without compensation falls with the conductance"
    assert server.ask("/api/memory") == before


def test_a_name_is_text_whatever_it_holds(server: Server, visit: Visit) -> None:
    page = opened(visit, server, **PHONE, **STILL)
    name = "<img src=x onerror=alert(1)><b>&amp;\u4e2d" + "w" * 23
    replay(page, KA)
    teach(page, name)
    replay(page, KA)
    assert recognised(page) == name
    assert page.inner_text("#classes h3") == name
    assert not page.locator("#classes h3 *, #answer *, #bars img, #classes b").count()
    page.get_by_role("button", name=f"Forget {name}", exact=True).click()
    assert name in page.inner_text("dialog h2")
    assert fits(page)
    page.keyboard.press("Escape")


def test_images_are_dropped_and_chosen(server: Server, visit: Visit) -> None:
    page = opened(visit, server, **STILL)
    for name, strokes in (("ka", KA), ("ring", RING)):
        for shift in (0, 3):
            replay(page, moved(strokes, shift, shift))
            teach(page, name)
    files = base64.b64encode(png(RING, 420, ink=255, paper=0)).decode(), base64.b64encode(b"no image").decode()
    drop = """([text, name]) => {
      const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      const data = new DataTransfer();
      data.items.add(new File([bytes], name, { type: "image/png" }));
      const drop = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
      document.getElementById("paper").dispatchEvent(drop);
    }"""
    page.evaluate(drop, [files[0], "ring.png"])
    assert recognised(page) == "ring", "white on black is turned round"
    shown = page.evaluate("document.getElementById('canvas').toDataURL()")
    page.evaluate(drop, [files[1], "broken.png"])
    page.wait_for_selector("#error:not([hidden])")
    assert "broken.png is not an image" in page.inner_text("#error-text")
    assert page.evaluate("document.getElementById('canvas').toDataURL()") == shown, "what was there stays"
    page.keyboard.press("Escape")
    page.wait_for_selector("#error", state="hidden")
    page.click("#clear")
    page.set_input_files("#file", {"name": "ka.png", "mimeType": "image/png", "buffer": png(KA, 64, 0, 255)})
    assert recognised(page) == "ka"


def test_what_others_teach_appears(server: Server, visit: Visit) -> None:
    page = opened(visit, server, **STILL)
    replay(page, KA)
    image = "data:image/png;base64," + base64.b64encode(png(RING, 105, 0, 255)).decode()
    server.ask("/api/teach", {"label": "ring", "image": image})
    page.wait_for_selector("#classes li[data-label]")
    assert page.inner_text("#classes h3") == "ring"
    assert recognised(page) == "ring"
    assert "elsewhere: ring" in page.inner_text("#status")
    server.ask("/api/forget", {"label": "ring"})
    page.wait_for_selector("#classes li[data-label]", state="detached")


def test_a_refusal_is_one_line_and_loses_nothing(server: Server, visit: Visit) -> None:
    page = opened(visit, server, expected="Failed to load resource", **STILL)
    replay(page, KA)
    page.fill("#name", "a\u202eb")  # turns the text around it, which the service does not take
    page.click("#teach-button")
    page.wait_for_selector("#error:not([hidden])")
    assert "\n" not in page.inner_text("#error-text").strip()
    page.context.set_offline(True)
    page.fill("#name", "ka")
    page.click("#teach-button")
    until(page, "/does not answer/.test(document.getElementById('error-text').textContent)")
    page.context.set_offline(False)
    page.click("#teach-button")
    page.wait_for_selector("#classes li")
    assert server.classes == {"ka": 1}
    assert not page.is_visible("#error")


def test_vectors_and_a_token(vector_server: Server, visit: Visit) -> None:
    rows = np.random.default_rng(0).normal(size=(4, 16)) + np.repeat([[0], [4]], 2, 0)
    vector_server.ask("/api/teach", {"labels": ["low"] * 2 + ["high"] * 2, "vectors": rows.tolist()})
    page = visit(vector_server.address, expected="401", **STILL)
    page.wait_for_selector("#gate:not([hidden])")
    for token in ("wrong", vector_server.token):
        page.fill("#token", token)
        page.click("#gate button")
    page.wait_for_selector("#bench:not([hidden])")
    page = visit(f"{vector_server.address}/#token={vector_server.token}", **STILL)
    page.wait_for_selector("#classes li[data-label] >> nth=1")
    assert "token" not in page.url
    assert "vectors of 16 numbers" in page.inner_text("#about")
    assert page.locator("#classes h3").all_inner_texts() == ["high", "low"]
    page.fill("#numbers", " ".join(map(str, rows[3].tolist())))
    assert recognised(page) == "high"
    page.fill("#name", "more")
    csv = "label,x\n" + "".join(f"low,{','.join(map(str, row))}\n" for row in rows.tolist())
    files = {"one.csv": csv, "two.json": json.dumps(rows.tolist()), "odd.csv": "a,1,b\n"}
    page.set_input_files(
        "#file",
        [{"name": name, "mimeType": "text/plain", "buffer": text.encode()} for name, text in files.items()],
    )
    until(page, "/^Taught 8 vectors of 2 classes/.test(document.getElementById('bulk-text').textContent)")
    assert vector_server.classes == {"low": 6, "high": 2, "more": 4}
    assert "odd.csv" in page.text_content("#bulk-list")
    page.reload()
    page.wait_for_selector("#classes li")


def test_examples_are_moved_and_removed_and_classes_renamed(server: Server, visit: Visit) -> None:
    page = opened(visit, server, **STILL)
    for name, strokes in (("ka", KA), ("ring", RING)):
        taught_all(page, name, [moved(strokes, shift, 0) for shift in (0, 3)])
    until(page, "document.querySelectorAll('#classes .taught img').length === 4")

    def opened_example(label: str, number: int) -> None:
        page.get_by_role("button", name=f"Example {number} of {label}", exact=True).click()
        page.wait_for_selector("#example[open]")

    def are(counts: dict[str, int], said: str) -> None:
        until(page, f"document.getElementById('status').textContent.startsWith('{said}')")
        assert page.is_visible("#status-undo")
        assert server.classes == counts
        until(page, f"document.querySelectorAll('#classes .taught img').length === {sum(counts.values())}")

    opened_example("ka", 2)
    page.fill("#example-name", "ring")
    page.get_by_role("button", name="Move", exact=True).click()
    are({"ka": 1, "ring": 3}, "Moved to ring")
    opened_example("ring", 1)
    page.get_by_role("button", name="Remove", exact=True).click()
    are({"ka": 1, "ring": 2}, "Removed from ring")
    page.get_by_role("button", name="Rename ring", exact=True).click()
    page.fill("#rename-name", "loop")
    page.keyboard.press("Enter")
    are({"ka": 1, "loop": 2}, "Renamed to loop")
    assert page.locator("#classes h3").all_inner_texts() == ["ka", "loop"]
    for counts in ({"ka": 1, "ring": 2}, {"ka": 1, "ring": 3}, {"ka": 2, "ring": 2}):
        page.click("#undo-change")
        until(page, "/^Undone/.test(document.getElementById('status').textContent)")
        assert server.classes == counts
        page.evaluate("document.getElementById('status').textContent = ''")


def test_what_is_unlike_anything_taught_is_unknown(server: Server, visit: Visit) -> None:
    page = opened(visit, server, **STILL)
    for name, strokes in (("ka", KA), ("ring", RING)):
        taught_all(page, name, [moved(strokes, shift, -shift) for shift in (0, 2, 4)])
    star = [[(10, 10), (95, 95)], [(95, 10), (10, 95)], [(10, 50), (90, 50)], [(50, 5), (50, 95)]]
    replay(page, star)
    assert recognised(page) == "I don\u2019t know this"
    best = page.inner_text("#bars .best .name")
    assert f"closest is {best}" in page.inner_text("#answer-under")
    page.uncheck("#unknown")
    until(page, f"document.getElementById('answer').textContent === '{best}'")
    page.reload()
    page.wait_for_selector("#bench:not([hidden])")
    assert not page.is_checked("#unknown"), "the browser keeps the switch"
    page.check("#unknown")
    replay(page, moved(KA, 1, -1))
    assert recognised(page) == "ka"


def picture(page: Any, file: Path) -> None:
    """Teach some more, and write the page, projected by ten years, as a PNG of few colours."""
    for name, strokes, shifts in (
        ("ka", KA, [2]),
        ("ring", RING, [2]),
        ("gate", GATE, [0, 3, -2]),
        ("wave", WAVE, [0, 4]),
    ):
        taught_all(page, name, [moved(strokes, shift, shift / 2) for shift in shifts])
    by_mouse(page, moved(GATE, 1, 3))
    recognised(page)
    page.locator("#age").scroll_into_view_if_needed()
    until(page, "document.querySelectorAll('#confidence .with circle').length === 7")
    page.locator("#age").fill("6")
    until(page, "document.querySelector('#age-said .without .under').textContent.includes('the current one')")
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    shot = Image.open(io.BytesIO(page.screenshot(full_page=True)))
    shot.quantize(240, dither=Image.Dither.NONE).save(file, optimize=True)


def test_files_chosen_before_their_name_are_taught_once_it_is_entered(server: Server, visit: Visit) -> None:
    page = opened(visit, server, **STILL)
    shown, first, second = (
        {"name": f"{n}.png", "mimeType": "image/png", "buffer": png(KA, 64 + n, 0, 255)} for n in range(3)
    )
    page.set_input_files("#file", shown)
    until(page, "!document.getElementById('clear').disabled")
    page.set_input_files("#file", [first, second])
    for press in (False, True):
        if press:
            page.click("#teach-button")
        assert "name for the 2 files" in page.inner_text("#hint")
        assert server.classes == {}
    page.fill("#name", "ka")
    page.click("#teach-button")
    until(page, "/^Taught 2/.test(document.getElementById('bulk-text').textContent)")
    assert server.classes == {"ka": 2}
    page.set_input_files("#file", [first, second])
    page.fill("#name", "")
    page.set_input_files("#file", [first, second])
    page.set_input_files("#file", shown)  # instead of the two
    until(page, "!document.getElementById('clear').disabled")
    page.fill("#name", "one")
    page.click("#teach-button")
    until(page, "document.getElementById('answer-title').textContent === 'Taught'")
    assert server.classes["one"] == 1
