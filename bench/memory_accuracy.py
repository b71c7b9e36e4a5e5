"""Accuracy of a memory on vectors and series of users, against scikit-learn's classifiers on the same vectors.

usage: python bench/memory_accuracy.py [--draws 20] [--only ROW ...] [--vectors FOLDER] [--out FILE]

A draw is ten classes (all, where there are ten or fewer), 5 examples of each to learn, others to classify. A row whose
data is missing is skipped, with the reason. FOLDER keeps the vectors of photos, which take minutes to compute.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import _memory_data as data
from insitu import Memory
from insitu.core import InsituError

Draw = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]  # x and y to learn, x and y to classify
WAYS, SHOTS, QUERIES = 10, 5, 15
NEW_SPEAKERS, NEW_PEOPLE = (4, 5), (6, 7, 8, 9, 10)  # no choice was made on these


def standardised(make: Callable[[], Any]) -> Callable[[], Any]:
    """Return a maker of the classifier behind a scaler."""
    return lambda: make_pipeline(StandardScaler(), make())


HEADS: dict[str, Callable[[], Any]] = {
    "nearest centroid": NearestCentroid,
    "logistic regression": lambda: LogisticRegression(max_iter=1000),
    "1 neighbour": lambda: KNeighborsClassifier(1),
    "5 neighbours": lambda: KNeighborsClassifier(5, weights="distance"),
}
RIVALS = {
    "LDA, shrunk": lambda: LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
    **HEADS,
    **{f"{name}, standardised": standardised(head) for name, head in HEADS.items()},
}


def draws(x: Any, y: Any, count: int, train: Any = None, test: Any = None) -> Iterator[Draw]:
    """Yield draws; with masks (n,), examples to learn and to classify come from different people."""
    for number in range(count):
        rng, learn, ask = np.random.default_rng(number), [], []
        classes = np.unique(y)
        for each in rng.permutation(classes)[:WAYS] if len(classes) > WAYS else classes:
            rows = rng.permutation(np.flatnonzero((y == each) & (True if train is None else train)))
            learn.append(rows[:SHOTS])
            others = rows[SHOTS:] if test is None else rng.permutation(np.flatnonzero((y == each) & test))
            ask.append(others[:QUERIES])
        one, two = np.concatenate(learn), np.concatenate(ask)
        yield x[one], y[one], x[two], y[two]


def compared(given: Iterator[Draw]) -> dict[str, Any]:
    """Return mean accuracies in percent of a memory in float and on PCM and of the rivals, over the draws."""
    scores: dict[str, list[float]] = {}
    for number, (x, y, asked, right) in enumerate(given):
        made = {name: make() for name, make in RIVALS.items()}
        made |= {"memory, digital": Memory("digital", random_state=number), "memory, PCM": Memory(random_state=number)}
        for name, head in made.items():
            scores.setdefault(name, []).append(100 * float((head.fit(x, y).predict(asked) == right).mean()))
    means = {name: round(float(np.mean(each)), 2) for name, each in scores.items()}
    best = max(RIVALS, key=lambda name: means[name])
    gap = np.subtract(scores["memory, PCM"], scores[best])
    return {
        "draws": len(gap),
        "accuracy": means,
        "best rival": best,
        "PCM less best rival": round(float(gap.mean()), 2),
        "its standard error": round(float(gap.std(ddof=1) / np.sqrt(len(gap))), 2),
        "worst draw": round(float(gap.min()), 2),
    }


def one_by_one(count: int) -> dict[str, Any]:
    """Return accuracies on scikit-learn's digits, taught class by class and at once, half of the images each."""
    x, y = load_digits(return_X_y=True)
    out: dict[str, list[float]] = {}
    for number in range(count):
        rng = np.random.default_rng(number)
        rows = rng.permutation(len(y))
        learn, ask = rows[: len(y) // 2], rows[len(y) // 2 :]
        for substrate in ("digital", None):
            at_once = Memory(substrate, random_state=number).fit(x[learn], y[learn])
            parts = Memory(substrate, random_state=number)
            for each in rng.permutation(10):
                parts.partial_fit(x[learn][y[learn] == each], y[learn][y[learn] == each])
            for name, memory in (("at once", at_once), ("class by class", parts)):
                score = 100 * float(memory.score(x[ask], y[ask]))
                out.setdefault(f"{substrate or 'PCM'}, {name}", []).append(score)
    return {"draws": count, "accuracy": {name: round(float(np.mean(each)), 2) for name, each in out.items()}}


def people_apart(read: Callable[[], Any], new: tuple[int, ...], count: int) -> dict[str, Any]:
    x, y, who = read()
    apart = np.isin(who, new)
    return compared(draws(x, y, count, ~apart, apart))


def within_person(count: int) -> dict[str, Any]:
    """Return what ``compared`` does for motions of one new person at a time."""
    x, y, who = data.motions()
    people = [NEW_PEOPLE[number % len(NEW_PEOPLE)] for number in range(count)]
    return compared(
        list(draws(x[who == person], y[who == person], number + 1))[number] for number, person in enumerate(people)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "memory_accuracy.json")
    given = parser.parse_args()
    count = given.draws
    rows: dict[str, Callable[[], dict[str, Any]]] = {
        "photos, 1280 numbers": lambda: compared(draws(*data.photos(given.vectors), count)),
        "own backbone, 320 numbers": lambda: compared(draws(*data.own_vectors(), count)),
        "texts, 384 numbers": lambda: compared(
            draws((t := data.texts())[0][:, :3, :128].reshape(-1, 384), t[1], count)
        ),
        "texts, 1024 numbers": lambda: compared(draws((t := data.texts())[0].reshape(-1, 1024), t[1], count)),
        "spoken digits, new speakers": lambda: people_apart(data.words, NEW_SPEAKERS, count),
        "watch motions, new people": lambda: people_apart(data.motions, NEW_PEOPLE, count),
        "watch motions, within a person": lambda: within_person(count),
        "digits, class by class": lambda: one_by_one(min(count, 5)),
    }
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    found = json.loads(given.out.read_text()) if given.out.exists() else {}
    for name in given.only or rows:
        try:
            found[name] = rows[name]()
        except InsituError as error:
            found[name] = {"skipped": str(error)}
        print(name, json.dumps(found[name], indent=1), flush=True)
        given.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
