"""Folders of a user's own: which files belong to which class, and what is said about the others."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insitu.core import InsituError
from insitu.data.files import labelled_folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    return folder


def touch(root: Path, *names: str) -> Path:
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    return root


def test_files_belong_to_the_folder_at_the_top_at_any_depth(root: Path) -> None:
    touch(root, "cup/a.jpg", "cup/monday/deep/b.PNG", "mug/c.webp", "mug/d.jpeg")
    found = labelled_folder.read(root, "images")
    assert {name: [str(f.relative_to(root)) for f in files] for name, files in found.classes.items()} == {
        "cup": ["cup/a.jpg", "cup/monday/deep/b.PNG"],
        "mug": ["mug/c.webp", "mug/d.jpeg"],
    }
    assert found.notes == []


@pytest.mark.parametrize(
    ("kind", "fitting"), [("images", "a.png"), ("sounds", "a.wav"), ("vectors", "a.npy"), ("series", "a.csv")]
)
def test_only_files_of_the_kind_are_taken_and_the_others_are_named(root: Path, kind: str, fitting: str) -> None:
    names = ["a.png", "a.wav", "a.npy", "a.csv", "a.txt"]
    touch(root, *(f"cup/{name}" for name in names), f"cup/b{fitting[1:]}")
    found = labelled_folder.read(root, kind)
    taken = {file.name for file in found.classes["cup"]}
    assert fitting in taken
    assert "a.txt" not in taken
    assert len(found.notes) == 1
    assert "no file of" in found.notes[0]


def test_hidden_and_system_files_are_left_out_in_silence(root: Path) -> None:
    touch(root, "cup/a.jpg", "cup/b.jpg", "cup/.DS_Store", "cup/._a.jpg", ".git/c.jpg", "__MACOSX/cup/a.jpg")
    touch(root, "Thumbs.db", "cup/Thumbs.db", "@eaDir/a.jpg")
    found = labelled_folder.read(root, "images")
    assert [file.name for file in found.classes["cup"]] == ["a.jpg", "b.jpg"]
    assert list(found.classes) == ["cup"]
    assert found.notes == []


def test_empty_folders_lone_files_and_files_outside_are_named(root: Path) -> None:
    touch(root, "cup/a.jpg", "cup/b.jpg", "mug/c.jpg", "top.jpg")
    (root / "empty").mkdir()
    notes = labelled_folder.read(root, "images").notes
    assert [any(word in note for note in notes) for word in ("'empty'", "'top.jpg'", "'mug'")] == [True] * 3
    assert len(notes) == 3
    assert not any("\n" in note for note in notes)


@given(st.sampled_from(["café", "Ångström", "crème brûlée", "한국"]))
def test_a_name_in_two_forms_of_unicode_is_one_class(name: str) -> None:
    both = {labelled_folder.as_label(unicodedata.normalize(form, name)) for form in ("NFC", "NFD")}
    assert both == {unicodedata.normalize("NFC", name)}


def test_folders_of_two_unicode_forms_are_joined_and_case_is_kept_apart(root: Path) -> None:
    touch(root, "caf\u00e9/a.jpg", "cafe\u0301/b.jpg", "Cup/a.jpg", "Cup/b.jpg", "cup/a.jpg", "cup/b.jpg")
    if len(list(root.iterdir())) < 4:
        pytest.skip("this file system does not tell such names apart")
    found = labelled_folder.read(root, "images")
    assert {name: len(files) for name, files in found.classes.items()} == {"caf\u00e9": 2, "Cup": 2, "cup": 2}
    assert any("are one class" in note for note in found.notes)
    assert any("Cup and cup differ in case" in note for note in found.notes)


def test_links_that_lead_back_are_not_followed(root: Path) -> None:
    touch(root, "cup/a.jpg", "cup/b.jpg")
    (root / "cup" / "again").symlink_to(root, target_is_directory=True)
    assert len(labelled_folder.read(root, "images").classes["cup"]) == 2


@pytest.mark.parametrize("given", ["nowhere", "file", "empty"])
def test_a_folder_without_classes_is_refused_in_one_line(root: Path, given: str) -> None:
    touch(root, "file")
    (root / "empty").mkdir()
    with pytest.raises(InsituError, match=given) as error:
        labelled_folder.read(root / given, "images")
    assert "\n" not in str(error.value)
