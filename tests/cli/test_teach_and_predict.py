"""``insitu teach`` and ``insitu predict``: own pictures and vectors from files to answers, and what may be wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

import onnx_files
from insitu.cli.main import main
from insitu.core import InsituError
from insitu.memory import Memory

CENTRES = {"cup": [0.0, 0.0, 4.0], "mug": [4.0, 0.0, 0.0], "spoon": [0.0, 4.0, 0.0]}
Call = Any


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSITU_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """Call the command line with a memory and further words; return code, the JSON lines of stdout, and stderr."""

    def of(command: str, *words: object) -> tuple[int, list[Any], str]:
        code = main([command, str(tmp_path / "parts.insitu"), *map(str, words), "--json"])
        said = capsys.readouterr()
        return code, [json.loads(line) for line in said.out.splitlines()], said.err

    return of


def vectors(folder: Path, each: int = 4, seed: int = 0) -> Path:
    """Write files of vectors: half as CSV with several rows, half as NPY."""
    rng = np.random.default_rng(seed)
    for name, centre in CENTRES.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        x = np.array(centre) + 0.3 * rng.standard_normal((each, 3))
        np.savetxt(folder / name / f"rows{seed}.csv", x[: each // 2], delimiter=",")
        np.save(folder / name / f"row{seed}.npy", x[each // 2 :])
    return folder


def drawing(file: Path, kind: str, seed: int) -> None:
    """Draw a ring, a cross or a bar, a little different for every seed."""
    rng = np.random.default_rng(seed)
    image = Image.new("L", (60, 60), 255)
    pen, (x, y) = ImageDraw.Draw(image), rng.integers(-4, 5, 2)
    if kind == "ring":
        pen.ellipse((12 + x, 12 + y, 46 + x, 46 + y), outline=0, width=5)
    elif kind == "cross":
        pen.line((10 + x, 10 + y, 50 + x, 50 + y), fill=0, width=5)
        pen.line((50 + x, 10 + y, 10 + x, 50 + y), fill=0, width=5)
    else:
        pen.line((30 + x, 6 + y, 30 + x, 54 + y), fill=0, width=6)
    file.parent.mkdir(parents=True, exist_ok=True)
    image.save(file)


def test_own_pictures_are_taught_and_named(call: Call, tmp_path: Path) -> None:
    for seed in range(4):
        for kind in ("ring", "cross", "bar"):
            drawing(tmp_path / "photos" / kind / f"{seed}.png", kind, seed)
            drawing(tmp_path / "new" / f"{kind}{seed}.png", kind, 10 + seed)
    code, [done], _ = call("teach", tmp_path / "photos", "--encoder", "omniglot")
    assert code == 0
    assert done["taught"] == {"bar": 4, "cross": 4, "ring": 4}
    assert done["encoder"].startswith("omniglot ")
    code, found, _ = call("predict", tmp_path / "new", "--unknown", "none")
    assert code == 0
    named = [Path(each["item"]).stem[:-1] == each["label"] for each in found]
    assert sum(named) >= 11
    assert all(0 < each["confidence"] <= 1 for each in found)


def test_what_a_folder_teaches_is_what_the_library_would(call: Call, tmp_path: Path) -> None:
    code, [done], _ = call("teach", vectors(tmp_path / "x"), "--encoder", "none")
    assert (code, done["taught"], done["encoder"]) == (0, dict.fromkeys(CENTRES, 4), None)
    x = [
        (name, row)
        for name in sorted(CENTRES)
        for file in sorted((tmp_path / "x" / name).iterdir())
        for row in (np.load(file) if file.suffix == ".npy" else np.loadtxt(file, delimiter=","))
    ]
    same = Memory().fit(np.array([row for _, row in x]), [name for name, _ in x])
    with Memory.open(tmp_path / "parts.insitu", readonly=True) as memory:
        queries = np.random.default_rng(1).standard_normal((9, 3))
        assert np.array_equal(memory.decision_function(queries), same.decision_function(queries))


def test_an_encoder_in_a_file_that_has_moved_is_named_where_it_is(call: Call, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="ONNX files need onnxruntime")
    model = onnx_files.pooled(tmp_path / "net.onnx")
    for seed in range(2):
        for kind in ("ring", "bar"):
            drawing(tmp_path / "photos" / kind / f"{seed}.png", kind, seed)
    assert call("teach", tmp_path / "photos", "--encoder", model)[0] == 0
    query = tmp_path / "photos" / "ring" / "0.png"
    found = call("predict", query)
    assert call("predict", query, "--encoder", model) == found, "it may be given, and changes nothing"
    moved = model.rename(tmp_path / "moved.onnx")
    for command, file in (("predict", query), ("teach", tmp_path / "photos")):
        code, _, said = call(command, file)
        assert code == 2
        assert f"has its encoder in {model}, which is not there; put it back, or say where it is now: --encoder" in said
        assert call(command, file, "--encoder", moved)[0] == 0
    assert call("predict", query, "--encoder", moved) == found
    for other in ("omniglot", "none"):
        code, _, said = call("predict", query, "--encoder", other)
        assert code == 2
        assert "the memory was created with another encoder, encoders/onnx" in said


def test_a_prediction_does_not_depend_on_the_other_items(call: Call, tmp_path: Path) -> None:
    call("teach", vectors(tmp_path / "x"), "--encoder", "none")
    np.save(tmp_path / "q.npy", np.random.default_rng(2).standard_normal((5, 3)))
    np.save(tmp_path / "one.npy", np.load(tmp_path / "q.npy")[3])
    _, found, _ = call("predict", tmp_path / "q.npy")
    _, alone, _ = call("predict", tmp_path / "one.npy")
    assert [each["item"] for each in found] == [f"{tmp_path / 'q.npy'}:{row}" for row in range(1, 6)]
    assert {**found[3], "item": ""} == {**alone[0], "item": ""}


@pytest.fixture
def near_and_far(call: Call, tmp_path: Path) -> tuple[Path, Path]:
    """Files of a fresh example of each class, and of rows unlike any class; the memory is taught."""
    call("teach", vectors(tmp_path / "x", each=10), "--encoder", "none")
    np.save(tmp_path / "near.npy", np.array(list(CENTRES.values())) + 0.1)
    np.save(tmp_path / "far.npy", np.full((3, 3), -30.0) * np.eye(3))
    return tmp_path / "near.npy", tmp_path / "far.npy"


def test_what_is_unlike_anything_taught_is_unknown_unless_turned_off(
    call: Call, near_and_far: tuple[Path, Path]
) -> None:
    known, far = list(CENTRES), near_and_far[1]
    _, found, _ = call("predict", *near_and_far)
    assert [each["label"] for each in found] == [*known, *["unknown"] * 3]
    assert all(each["familiarity"] < 0.05 and each["confidence"] < 0.5 for each in found[3:])
    assert all(each["familiarity"] >= 0.05 and each["confidence"] > 0.5 for each in found[:3])
    assert {each["label"] for each in call("predict", far, "--unknown", "none")[1]} <= set(known)
    assert {each["label"] for each in call("predict", far, "--unknown", "nothing")[1]} == {"nothing"}


def test_the_rate_decides_what_is_unknown(call: Call, near_and_far: tuple[Path, Path]) -> None:
    shares = [each["familiarity"] for each in call("predict", near_and_far[0])[1]]
    for rate in (0.05, 0.3, 0.6, 0.99):
        _, found, _ = call("predict", near_and_far[0], "--unknown-rate", rate)
        assert [each["label"] == "unknown" for each in found] == [share < rate for share in shares]


def test_flags_stand_anywhere_and_an_unknown_item_is_shown_with_its_familiarity(
    near_and_far: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    near, far = map(str, near_and_far)
    assert main(["predict", "--unknown", "none of these", str(tmp_path / "parts.insitu"), near, far]) == 0
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[0] for line in lines] == [*CENTRES, *["none of these"] * 3]
    assert [line[1].startswith("familiarity ") for line in lines] == [False] * 3 + [True] * 3


def test_numbers_and_a_class_called_unknown_need_a_name_for_what_is_unknown(call: Call, tmp_path: Path) -> None:
    x = np.array(list(CENTRES.values())).repeat(6, 0) + 0.3 * np.random.default_rng(0).standard_normal((18, 3))
    np.save(tmp_path / "far.npy", np.full(3, -30.0))
    for labels, name, wrong in (([1, 2, 3], "-1", "cup"), (["unknown", "b", "c"], "new", "unknown")):
        with Memory.open(tmp_path / "parts.insitu") as memory:
            memory.fit(x, np.repeat(labels, 6))
        assert call("predict", tmp_path / "far.npy")[1][0]["label"] in labels
        assert str(call("predict", tmp_path / "far.npy", "--unknown", name)[1][0]["label"]) == name
        assert call("predict", tmp_path / "far.npy", "--unknown", wrong)[0] == 2


def test_nothing_is_taught_twice_unless_again_is_given(call: Call, tmp_path: Path) -> None:
    folder = vectors(tmp_path / "x")
    call("teach", folder, "--encoder", "none")
    (folder / "cup" / "row0.npy").rename(folder / "cup" / "renamed.npy")
    vectors(tmp_path / "more", each=2, seed=5)
    for file in (tmp_path / "more" / "cup").iterdir():
        file.rename(folder / "cup" / file.name)
    code, [done], _ = call("teach", folder)
    assert (code, done["taught"], len(done["skipped"])) == (0, {"cup": 2}, 12)
    code, [done], _ = call("teach", folder, "--again")
    assert (done["taught"], done["skipped"]) == ({"cup": 6, "mug": 4, "spoon": 4}, [])


def test_forgotten_items_are_new(tmp_path: Path, call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    folder = vectors(tmp_path / "x")
    call("teach", folder, "--encoder", "none")
    main(["memory", "forget", str(tmp_path / "parts.insitu"), "cup"])
    capsys.readouterr()
    _, [done], _ = call("teach", folder)
    assert done["taught"] == {"cup": 4}


def test_undone_items_are_new_and_renamed_ones_are_known(call: Call, tmp_path: Path) -> None:
    folder = vectors(tmp_path / "x")
    call("teach", folder, "--encoder", "none")
    with Memory.open(tmp_path / "parts.insitu") as memory:
        memory.rename("cup", "beaker")
    (folder / "cup").rename(folder / "beaker")
    assert call("teach", folder)[1][0]["taught"] == {}
    np.save(tmp_path / "a.npy", 3 * np.eye(3))
    call("teach", "--as", "mug", tmp_path / "a.npy")
    with Memory.open(tmp_path / "parts.insitu") as memory:
        memory.undo()
    assert call("teach", "--as", "mug", tmp_path / "a.npy")[1][0]["taught"] == {"mug": 3}


def test_what_cannot_be_read_is_listed_and_the_rest_goes_on(call: Call, tmp_path: Path) -> None:
    folder = vectors(tmp_path / "x")
    (folder / "cup" / "broken.csv").write_text("1,2,three\n4,5,6\n7,8,nine\n")
    (folder / "cup" / "short.csv").write_text("1,2\n")
    code, [done], _ = call("teach", folder, "--encoder", "none")
    assert code == 1
    assert sum(done["taught"].values()) == 12
    assert [Path(each["item"]).name for each in done["unreadable"]] == ["broken.csv", "short.csv"]
    assert "others have 3" in done["unreadable"][1]["error"]
    code, found, _ = call("predict", folder / "cup" / "short.csv", folder / "mug", tmp_path / "nowhere.npy")
    assert code == 1
    assert ["error" in each for each in found] == [True, True, *[False] * 4]


def test_files_are_taught_under_a_name(call: Call, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.eye(3))
    code, [done], _ = call("teach", "--as", "cafe\u0301", tmp_path / "a.npy", "--encoder", "none")
    assert (code, done["taught"]) == (0, {"caf\u00e9": 3})


@pytest.mark.parametrize("together", [True, False], ids=["in one call", "in two calls"])
def test_the_same_item_under_two_names_is_said(together: bool, call: Call, tmp_path: Path) -> None:
    for folder, name in (("x", "cup"), ("x" if together else "y", "mug")):
        (tmp_path / folder / name).mkdir(parents=True)
        np.save(tmp_path / folder / name / "a.npy", np.eye(3)[:2])
    _, [done], _ = call("teach", tmp_path / "x", "--encoder", "none")
    if not together:
        assert not [note for note in done["notes"] if "the same as" in note]
        _, [done], _ = call("teach", tmp_path / "y")
    assert done["taught"] == {"cup": 2, "mug": 2} if together else {"mug": 2}
    assert sum("is the same as an example of cup" in note for note in done["notes"]) == 2


def test_a_folder_after_as_stands_for_its_files_and_flags_stand_anywhere(call: Call, tmp_path: Path) -> None:
    folder = vectors(tmp_path / "x") / "cup"
    memory = str(tmp_path / "parts.insitu")
    code, [done], _ = call("teach", "--again", "--encoder", "none", f"--as=cup={0}", folder, folder / "row0.npy")
    assert (code, done["taught"]) == (0, {"cup=0": 6})
    assert main(["teach", "--json", memory, str(tmp_path / "x")]) == 0
    with Memory.open(memory, readonly=True) as opened:
        assert opened.classes_.tolist() == ["cup", "cup=0", "mug", "spoon"]


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\tb", "\x1b[31mred", "a\u2028b"])
def test_a_name_that_cannot_be_shown_is_no_class(
    name: str, call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call("teach", vectors(tmp_path / "x"), "--encoder", "none")
    if name.strip():
        (tmp_path / "y" / name).mkdir(parents=True)
        np.save(tmp_path / "y" / name / "a.npy", np.eye(3))
        assert call("teach", tmp_path / "y")[0] == 2
    assert call("teach", "--as", name, tmp_path / "x")[0] == 2
    capsys.readouterr()
    for words in (["rename", "cup", name], ["relabel", "0", name]):
        assert main(["memory", words[0], str(tmp_path / "parts.insitu"), *words[1:]]) == 2
        said = capsys.readouterr()
        assert (said.out, said.err.count("\n"), "is no name of a class" in said.err) == ("", 1, True)
    with Memory.open(tmp_path / "parts.insitu", readonly=True) as memory:
        assert memory.classes_.tolist() == sorted(CENTRES)


def test_a_file_name_is_shown_on_its_line_without_control_characters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    memory, folder = str(tmp_path / "parts.insitu"), vectors(tmp_path / "x")
    names = ["new\nline.npy", "\x1b[31mred.npy", "tab\t.npy"]
    for name in names:
        np.save(tmp_path / name, np.eye(3)[0])
        (tmp_path / f"broken{name}").write_text("no numbers")
    assert main(["teach", memory, str(folder), "--encoder", "none"]) == 0
    capsys.readouterr()
    assert (
        main(["predict", memory, *(str(tmp_path / f"{prefix}{name}") for prefix in ("", "broken") for name in names)])
        == 1
    )
    said = capsys.readouterr()
    assert [line.count("\t") for line in said.out.splitlines()] == [2, 2, 2]
    assert len(said.err.splitlines()) == 3
    assert all(c.isprintable() or c in "\t\n" for c in said.out + said.err)


def test_items_of_other_channels_are_listed_and_the_rest_goes_on(call: Call, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def series(name: str, channels: int) -> Path:
        file = tmp_path / "x" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, rng.standard_normal((40, channels)))
        return file

    for name in ("a/0.npy", "a/1.npy", "b/0.npy", "b/1.npy"):
        series(name, 2)
    odd = series("a/odd.npy", 3)
    code, [done], _ = call("teach", tmp_path / "x", "--encoder", "windows")
    assert (code, done["taught"]) == (1, {"a": 2, "b": 2})
    assert [each["item"] for each in done["unreadable"]] == [str(odd)]
    others = [series(f"c/{n}.npy", 3) for n in range(3)]  # most of what is given is not like what was taught
    code, found, _ = call("predict", *others, tmp_path / "x" / "a" / "0.npy")
    assert (code, ["error" in each for each in found]) == (1, [True, True, True, False])
    code, _, said = call("teach", "--as", "a", *others)
    assert (code, said.count("\n")) == (2, 1)
    with Memory.open(tmp_path / "parts.insitu", readonly=True) as memory:
        for act in (memory.predict, memory.encode):
            with pytest.raises(InsituError, match="as many channels"):
                act([rng.standard_normal((40, 3))])


def test_files_of_which_none_can_be_used_are_one_line(call: Call, tmp_path: Path) -> None:
    call("teach", vectors(tmp_path / "x"), "--encoder", "none")
    Image.new("L", (9, 9)).save(tmp_path / "photo.png")
    code, [found], _ = call("predict", tmp_path / "photo.png")
    assert (code, "no file of numbers" in found["error"]) == (1, True)
    assert call("teach", "--as", "cup", tmp_path / "photo.png")[0] == 2


def test_labels_that_are_numbers_stay_so(call: Call, tmp_path: Path) -> None:
    with Memory.open(tmp_path / "parts.insitu") as memory:
        memory.fit(np.eye(3), [1, 2, 3])
    np.save(tmp_path / "a.npy", 2 * np.eye(3))
    assert call("teach", "--as", "2", tmp_path / "a.npy")[1][0]["taught"] == {"2": 3}
    code, _, said = call("teach", "--as", "cup", tmp_path / "a.npy")
    assert code == 2
    assert "are numbers" in said
    with Memory.open(tmp_path / "parts.insitu", readonly=True) as memory:
        assert memory.classes_.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["teach"], "teach takes"),
        (["teach", "new.insitu"], "teach takes"),
        (["teach", "new.insitu", "x"], "give --encoder"),
        (["teach", "new.insitu", "x", "--encoder", "nonsense"], "no encoder nonsense"),
        (["teach", "new.insitu", "nowhere", "--encoder", "none"], "nowhere is not a folder"),
        (["teach", "new.insitu", "--as", "cup"], "--as takes"),
        (["teach", "new.insitu", "x", "--encoder", "none", "--substrate", "paper"], "paper"),
        (["teach", "new.insitu", "x", "--encoder", "omniglot"], "no sub-folder with files of images"),
        (["teach", "old.insitu", "x", "--encoder", "omniglot"], "another encoder"),
        (["predict", "old.insitu"], "at least one FILE"),
        (["predict", "new.insitu", "x"], "there is no memory"),
        (["predict", "old.insitu", "x", "--loud"], "--loud"),
        (["predict", "old.insitu", "x", "--unknown-rate"], "--unknown-rate takes"),
        (["predict", "old.insitu", "x", "--unknown"], "--unknown takes"),
        (["predict", "old.insitu", "x", "--unknown", "--json"], "--unknown takes"),
        (["teach", "new.insitu", "x", "--encoder", "onnx"], "give the path of a model"),
        (["teach", "new.insitu", "x", "--encoder", "net.onnx"], "net.onnx cannot be read"),
        (["teach", "old.insitu", "--as", "cup", "x/cup", "--as", "mug", "x/mug"], "once"),
    ],
)
def test_mistakes_are_one_line_and_make_no_file(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    vectors(tmp_path / "x")
    Memory.open("old.insitu").close()
    assert main(words) in (1, 2)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert said in captured.err
    assert not Path("new.insitu").exists()
