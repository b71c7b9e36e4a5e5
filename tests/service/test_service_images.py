"""Untrusted images: what is decoded, and what is rejected before it costs anything."""

from __future__ import annotations

import base64
import contextlib
import io
import struct
import tracemalloc
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from starlette.exceptions import HTTPException

from insitu.service.image_decoding import SIDE, decode_image, decode_images
from insitu.service.limits import Limits

LIMITS = Limits()


def url(data: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def drawn(image: Image.Image, kind: str = "png", **options: object) -> str:
    file = io.BytesIO()
    image.save(file, kind, **options)  # type: ignore[arg-type]
    return url(file.getvalue(), kind)


def png(width: int, height: int, data: bytes = b"") -> bytes:
    """A PNG whose header says one thing, whatever its data are."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")


def webp(width: int, height: int) -> bytes:
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + canvas


def status(text: str, limits: Limits = LIMITS) -> int:
    with pytest.raises(HTTPException) as caught:
        decode_image(text, limits)
    return caught.value.status_code


def test_black_on_white_is_grey_however_it_comes() -> None:
    ink = np.full((40, 30), 255, np.uint8)
    ink[10:20, 5:25] = 0
    grey = Image.fromarray(ink)
    clear = Image.merge("RGBA", [Image.new("L", grey.size, 0)] * 3 + [Image.fromarray(255 - ink)])
    for image in (grey, grey.convert("RGB"), grey.convert("1"), grey.convert("P"), clear, grey.convert("LA")):
        assert np.array_equal(decode_image(drawn(image), LIMITS)[0], ink), image.mode
    for kind in ("webp", "gif"):
        assert np.array_equal(decode_image(drawn(grey, kind, lossless=True), LIMITS)[0], ink), kind
    assert np.abs(decode_image(drawn(grey, "jpeg", quality=95), LIMITS)[0].astype(int) - ink).mean() < 3


def test_colour_stays_and_large_becomes_small() -> None:
    red = Image.new("RGB", (3 * SIDE, SIDE), (255, 0, 0))
    out = decode_image(drawn(red), LIMITS)[0]
    assert out.shape == (round(SIDE / 3), SIDE, 3)
    assert (out == [255, 0, 0]).all()
    both = decode_images([drawn(red), drawn(Image.new("L", red.size, 9))], LIMITS)
    assert both.shape == (2, round(SIDE / 3), SIDE, 3)


def test_only_the_first_frame_is_looked_at() -> None:
    frames = [Image.new("L", (20, 20), value) for value in (10, 200, 90)]
    for kind in ("gif", "webp", "png"):
        out = decode_image(drawn(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True), LIMITS)[0]
        assert out.shape == (20, 20)
        assert (out == 10).all()


def test_a_photo_of_a_phone_is_turned_and_sixteen_bits_are_kept() -> None:
    plain = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("png", "webp"):
        out = decode_image(drawn(Image.fromarray(plain), kind, exif=exif, lossless=True), LIMITS)[0]
        assert np.array_equal(out, np.rot90(plain, -1)), kind
    photo = Image.new("RGB", (32, 16), "black")
    photo.paste("red", (0, 0, 16, 16))
    turned = decode_image(drawn(photo, "jpeg", exif=exif, quality=95), LIMITS)[0]
    assert turned.shape == (32, 16, 3)
    assert turned[4, 8, 0] > 200
    assert turned[28, 8, 0] < 50
    wide = Image.fromarray(plain.astype(np.uint16) * 257)
    assert np.array_equal(decode_image(drawn(wide), LIMITS)[0], plain)


def test_a_truncated_image_is_reported() -> None:
    data = base64.b64decode(drawn(Image.effect_noise((40, 40), 50)).partition(",")[2])
    with pytest.raises(HTTPException, match="cut short"):
        decode_image(url(data[:-200]), LIMITS)


@pytest.mark.parametrize(("width", "height"), [(2049, 2049), (50_000, 50_000), (2**31 - 1, 2**31 - 1), (2**22, 2)])
def test_a_picture_that_says_it_is_huge_is_not_unpacked(width: int, height: int) -> None:
    tracemalloc.start()
    try:
        assert status(url(png(width, height))) in (413, 422)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_a_bomb_that_unpacks_to_more_than_it_says_stops_at_what_it_says() -> None:
    bomb = png(64, 64, b"\0" * 2**27)
    assert len(bomb) < 2**18
    tracemalloc.start()
    try:
        assert decode_image(url(bomb), LIMITS)[0].shape == (64, 64)
        assert tracemalloc.get_traced_memory()[1] < 2**21
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", [(2**24, 2**24), (16_000, 16_000)])
def test_a_canvas_of_webp_is_measured_before_it_is_made(size: tuple[int, int]) -> None:
    assert status(url(webp(*size), "webp")) == 413
    assert status(url(b"RIFF" + b"\0" * 40, "webp")) == 422
    assert status(url(b"RIFF\0\0\0\0WEBPVP8 ", "webp")) == 422


def test_a_file_that_is_too_large_is_not_decoded() -> None:
    assert status("data:image/png;base64," + "A" * 10_000, Limits(image_bytes=5000)) == 413


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://example.org/a.png",
        "file:///etc/passwd",
        "data:image/svg+xml;base64,PHN2Zz4=",
        "data:image/png,abc",
        "data:image/png;base64,",
        "data:image/png;base64,====",
        "data:image/png;base64,äöü",
        "data:image/png;base64,\ud800",
        url(b"GIF89a"),
        url(b"%PDF-1.7"),
        url(png(1, 1)),
        url(png(0, 5)),
        url(png(20, 20, b"short")),
    ],
)
def test_what_is_no_picture_is_refused(text: str) -> None:
    assert status(text) == 422


@given(data=st.binary(max_size=200), kind=st.sampled_from(["png", "jpeg", "webp", "gif"]), cut=st.integers(0, 300))
def test_broken_files_are_refused_and_nothing_else_happens(data: bytes, kind: str, cut: int) -> None:
    whole = base64.b64decode(drawn(Image.new("RGB", (9, 7), (1, 2, 3)), kind).partition(",")[2])
    for broken in (data, whole[:cut] + data, whole[: cut // 4] + data + whole[cut // 4 + len(data) :]):
        with contextlib.suppress(HTTPException):  # no other
            assert decode_image(url(broken, kind), LIMITS)[0].dtype == np.uint8


def test_pictures_of_a_request_share_the_limit_of_pixels() -> None:
    one = drawn(Image.new("L", (50, 40), 255))
    assert decode_images([one] * 3, replace(LIMITS, image_pixels=6000)).shape == (3, 40, 50, 1)
    with pytest.raises(HTTPException, match="pixels"):
        decode_images([one] * 4, replace(LIMITS, image_pixels=6000))
