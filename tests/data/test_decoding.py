"""One function decodes pictures: a grey ramp is the same whatever file it comes in; what cannot be read is one line."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from insitu.core import InsituError
from insitu.data import decoding

STEPS = np.arange(256)
TURNS: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {  # what undoes each orientation of EXIF
    1: lambda x: x,
    2: np.fliplr,
    3: lambda x: np.rot90(x, 2),
    4: np.flipud,
    5: lambda x: x.T,
    6: lambda x: np.rot90(x, -1),
    7: lambda x: np.rot90(x, 2).T,
    8: np.rot90,
}


def ramp(kind: str, white: float) -> Image.Image:
    return Image.fromarray(np.tile(STEPS * (white / 255), (4, 1)).astype(kind))


def file(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)  # type: ignore[arg-type]
    return out.getvalue()


def read(data: bytes) -> NDArray[np.uint8]:
    return decoding.pixels(data, "some", "L")[..., 0]


WIDE = {
    "16 bits in PNG": file(ramp("<u2", 65535), "PNG"),
    "16 bits in TIFF": file(ramp("<u2", 65535), "TIFF"),
    "16 bits, big end first": file(ramp(">u2", 65535), "TIFF"),
    "16 bits in PGM": file(ramp("<i4", 65535), "PPM"),
    "16 bits in JPEG 2000": file(ramp("<u2", 65535), "JPEG2000"),
    "8 bits in 32": file(ramp("<i4", 255), "TIFF"),
    "16 bits in 32": file(ramp("<i4", 65535), "TIFF"),
    "float to 1": file(ramp("<f4", 1), "TIFF"),
    "float to 255": file(ramp("<f4", 255), "TIFF"),
    "float to 65535": file(ramp("<f4", 65535), "TIFF"),
    "16 bits, white is zero": file(
        Image.fromarray((65535 - STEPS * 257).astype("<u2")[None].repeat(4, 0)), "TIFF", tiffinfo={262: 0}
    ),
}


@pytest.mark.parametrize("name", WIDE)
def test_a_ramp_stays_a_ramp(name: str) -> None:
    assert np.array_equal(read(WIDE[name]), np.tile(STEPS, (4, 1)))


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "YCbCr"])
@pytest.mark.parametrize("value", [0, 255])
def test_black_is_black_and_white_is_white_in_every_mode(mode: str, value: int) -> None:
    image = Image.new("L", (6, 4), value)
    image = image.convert("RGB").convert(mode) if mode in ("CMYK", "YCbCr") else image.convert(mode)
    form = "TIFF" if mode in ("CMYK", "YCbCr") else "PNG"
    assert (read(file(image, form)) == value).all()


@hypothesis.given(values=st.lists(st.integers(0, 65535), min_size=4, max_size=4))
def test_sixteen_bits_are_divided_by_257_and_rounded(values: list[int]) -> None:
    image = Image.fromarray(np.array(values, np.uint16).reshape(2, 2))
    for form in ("PNG", "TIFF"):
        assert read(file(image, form)).ravel().tolist() == [round(value / 257) for value in values]


def test_twelve_bits_of_tiff_have_a_white_of_their_own() -> None:
    """Two values of 12 bits in 3 bytes; written by hand, since Pillow reads but does not write them."""
    values = [0, 4095, 2048, 1024] * 2
    packed = b"".join(
        bytes([a >> 4, (a & 15) << 4 | b >> 8, b & 255]) for a, b in zip(values[::2], values[1::2], strict=True)
    )
    tags = {256: 4, 257: 2, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: 2, 279: len(packed)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    offset = 8 + len(packed)
    data = b"II*\0" + struct.pack("<I", offset) + packed + struct.pack("<H", len(tags)) + entries + b"\0\0\0\0"
    assert read(data)[0].tolist() == [0, 255, round(2048 * 255 / 4095), round(1024 * 255 / 4095)]


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize(
    ("form", "kind"), [("PNG", "u1"), ("PNG", "<u2"), ("TIFF", "<u2"), ("TIFF", "u1"), ("WEBP", "u1")]
)
def test_the_orientation_of_a_camera_is_applied(form: str, kind: str, orientation: int) -> None:
    plain = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray((plain.astype(np.uint16) * 257).astype(kind) if kind == "<u2" else plain)
    data = file(image, form, exif=exif, **({"lossless": True} if form == "WEBP" else {}))
    assert np.array_equal(read(data), TURNS[orientation](plain))


def test_what_is_transparent_is_white() -> None:
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    half = Image.new("LA", (4, 4), (0, 128))
    assert (read(file(clear, "PNG")) == 255).all()
    assert (read(file(half, "PNG")) == 127).all()
    one = Image.fromarray(np.array([[0, 7], [65535, 257]], np.uint16))
    assert read(file(one, "PNG", transparency=7)).tolist() == [[0, 255], [255, 1]]


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_taken(form: str) -> None:
    frames = [Image.new("L", (8, 8), value) for value in (10, 200, 90)]
    data = file(frames[0], form, save_all=True, append_images=frames[1:], lossless=True)
    assert (read(data) == 10).all()


def png(width: int, height: int) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def floats(*values: float) -> bytes:
    return file(Image.fromarray(np.array([values], np.float32).repeat(2, 0)), "TIFF")


def signed(*values: int) -> bytes:
    """8 bits with a sign, in TIFF; written by hand, since Pillow reads but does not write them."""
    packed = np.array(values, np.int8).tobytes()
    tags = {256: len(packed), 257: 1, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: len(packed), 339: 2}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0" + struct.pack("<I", 8 + len(packed)) + packed + struct.pack("<H", len(tags)) + entries + b"\0" * 4


def test_eight_bits_with_a_sign_are_taken_where_none_is_below_black() -> None:
    assert read(signed(0, 5, 100, 127))[0].tolist() == [0, 5, 100, 127]


REFUSED = {
    "negative 8 bits": (signed(-5, 5, 127, 0), "least value is -5, and black is 0"),
    "NaN": (floats(0.5, np.nan), "NaN or infinity"),
    "infinity": (floats(0.5, np.inf), "NaN or infinity"),
    "negative": (floats(-1, 1), "black is 0"),
    "negative whole numbers": (file(Image.fromarray(np.array([[-5, 9]], np.int32)), "TIFF"), "black is 0"),
    "beyond 16 bits": (floats(0, 1e6), "at most 65535"),
    "beyond 16 bits, whole": (file(Image.fromarray(np.array([[0, 70_000]], np.int32)), "TIFF"), "at most 65535"),
    "between two scales": (floats(0, 1.5), "neither 0..1 nor 0..255"),
    "100 megapixels": (png(10_000, 10_000), "10000 × 10000 pixels"),
    "more than Pillow opens": (png(50_000, 50_000), "pixels"),
    "a canvas of WebP": (
        b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\x02\0\0\0" + (15_999).to_bytes(3, "little") * 2,
        "16000 × 16000 pixels",
    ),
    "cut short": (WIDE["16 bits in PNG"][:-40], "cut short"),
    "nothing": (b"", "no picture of a known format"),
    "text": (b"not a picture", "no picture of a known format"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_one_line_that_says_why(name: str) -> None:
    data, why = REFUSED[name]
    with pytest.raises(InsituError, match=why) as caught:
        read(data)
    assert str(caught.value).startswith("some is ")
    assert "\n" not in str(caught.value)
    assert " object at " not in str(caught.value)


@hypothesis.given(
    white=st.sampled_from([1.0, 255.0, 65535.0]), values=st.lists(st.floats(0, 1), min_size=2, max_size=9)
)
def test_floats_keep_their_order_and_both_ends(white: float, values: list[float]) -> None:
    grey = read(floats(*[value * white for value in [*values, 0.0, 1.0]]))[0]
    assert (grey[-2], grey[-1]) == (0, 255)
    assert (np.abs(grey[:-2] - np.array(values) * 255) <= 0.51).all()
