"""One second-order meta-step of MAML: 32 tasks, 5-way 5-shot, conv4-56, against learn2learn and plain ``torch.func``.

    INSITU_RIVALS=folder python bench/maml_vs_learn2learn.py [--rounds 5] [--out FILE]

See bench/README.md.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import script
from _maml_tasks import QUERIES, RATE, SHOTS, STEPS, TASKS, WAYS, WIDTH
from rounds import Side
from script import Pair

RIVALS = ("learn2learn",)
OURS, THEIRS = script.HERE / "_maml_insitu.py", script.HERE / "_maml_learn2learn.py"
# of each rival the ways it may run, of which the fastest takes part
WAYS_TO_RUN = {
    "learn2learn, all layers": ("every_layer, contiguous", "every_layer, channels last"),
    "torch.func, all layers": ("mapped every_layer, 1 at once", "mapped every_layer, 4 at once"),
    "learn2learn, head": ("head_only, contiguous", "head_only, channels last"),
    "torch.func, head": ("mapped head_only, 1 at once", "mapped head_only, 4 at once"),
    "learn2learn, head on features": ("inner_loop",),
}
# tasks of theirs are names of WAYS_TO_RUN
PAIRS = (
    Pair("MAML meta-step, all layers", "every_layer", "learn2learn, all layers", 1.5),
    Pair("MAML meta-step, all layers", "every_layer", "torch.func, all layers"),
    Pair("MAML meta-step, head only", "head_only", "learn2learn, head", 1.0),
    Pair("MAML meta-step, head only", "head_only", "torch.func, head"),
    Pair(
        *("MAML meta-step per task, head only", "head_only_as_it_comes", "learn2learn, head"),
        factor=2.0,
        note="ours in bfloat16 with both halves of each task, the rival in float32",
    ),
    Pair("MAML inner loop of the head on given features", "inner_loop", "learn2learn, head on features"),
)


def fastest(theirs: Side) -> dict[str, dict[str, Any]]:
    """Return of each rival its fastest way, and the processor time of all its ways."""
    theirs.ask("head_only, contiguous")  # warms up
    out = {}
    for rival, names in WAYS_TO_RUN.items():
        tried = {name: theirs.ask(name)["cpu_s"] for name in names}
        out[rival] = {"chosen": min(tried, key=tried.__getitem__), "tried_cpu_s": tried}
    return out


def outcome(side: Side, name: str) -> tuple[float, dict[str, torch.Tensor]]:
    """Run a task once; return its loss and its gradient by name."""
    loss = side.ask(name)["value"]
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "gradient.pt")
        side.ask("save", file)
        return loss, {name: value.double() for name, value in torch.load(file, weights_only=True).items()}


def apart(found: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> float:
    """Return the relative error of a whole gradient."""
    assert found.keys() == right.keys(), (found.keys(), right.keys())
    off = sum(float((found[name] - right[name]).square().sum()) for name in right)
    return float((off / sum(float(value.square().sum()) for value in right.values())) ** 0.5)


def agreement(ours: Side, theirs: Side, chosen: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return losses and relative errors of gradients; what is right is learn2learn in float64."""
    out: dict[str, dict[str, Any]] = {}
    for name, where in (("every_layer", "all layers"), ("head_only", "head")):
        loss, right = outcome(theirs, f"right {name}")
        row: dict[str, Any] = {"loss in float64": loss}
        for who, side, task in (
            ("ours", ours, name),
            ("learn2learn", theirs, chosen[f"learn2learn, {where}"]["chosen"]),
            ("torch.func", theirs, chosen[f"torch.func, {where}"]["chosen"]),
        ):
            loss, gradient = outcome(side, task)
            row[who] = {"loss": loss, "gradient_relative_error": apart(gradient, right)}
        out[name] = row
    loss, right = outcome(theirs, "inner_loop")
    mine, gradient = outcome(ours, "inner_loop")
    out["inner_loop"] = {"loss learn2learn": loss, "loss ours": mine, "gradients_apart": apart(gradient, right)}
    return out


def shares(ours: Side, theirs: Side, chosen: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return what share of the measured rate of float32 matrix products each side reaches, and how much it computes.

    Counted are products and convolutions; a side that computes less for the same result may reach a smaller share.
    """
    out: dict[str, Any] = {}
    for who, side, names in (
        ("ours", ours, {"all layers": "every_layer", "head": "head_only"}),
        ("learn2learn", theirs, {where: chosen[f"learn2learn, {where}"]["chosen"] for where in ("all layers", "head")}),
    ):
        rate = max(side.ask("matrix_product")["value"] / side.ask("matrix_product")["cpu_s"] for _ in range(5))
        out[who] = {"matrix_product_gflop_per_s": rate / 1e9}
        for where, task in names.items():
            count = side.ask("operations", task)["value"]
            taken = min(side.ask(task)["cpu_s"] for _ in range(2))
            out[who][where] = {"gflop": count / 1e9, "share": count / taken / rate}
            print(f"{who}, {where}: {count / 1e9:.0f} GFLOP at {count / taken / rate:.0%} of the matrix-product rate")
    return out


def main() -> None:
    given = script.options(__doc__, "maml_vs_learn2learn", 5).parse_args()
    rival, result = script.interpreter("learn2learn"), script.begin(given.rounds)
    result["meta_step"] = (
        f"{TASKS} tasks, {WAYS}-way {SHOTS}-shot, {QUERIES} queries per class, conv4-{WIDTH}, "
        f"{STEPS} steps of {RATE}, second order, float32"
    )
    with Side(sys.executable, OURS, script.SOURCE) as ours, Side(rival, THEIRS) as theirs:
        result["versions"] = {"ours": ours.facts, "theirs": theirs.facts}
        result["chosen"] = chosen = fastest(theirs)
        result["agreement"] = agreement(ours, theirs, chosen)
        pairs = [replace(pair, theirs=chosen[pair.theirs]["chosen"], rival=pair.theirs.split(",")[0]) for pair in PAIRS]
        result["rows"] = script.compared(ours, theirs, "", pairs, given.rounds)
        result["shares"] = shares(ours, theirs, chosen)
    script.finish(result, given.out)


if __name__ == "__main__":
    main()
