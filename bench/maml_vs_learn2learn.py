"""One second-order meta-step of MAML: 32 tasks, 5-way 5-shot, conv4-56, against learn2learn and plain ``torch.func``.

    INSITU_RIVAL_LEARN2LEARN=path/to/python python bench/maml_vs_learn2learn.py [--rounds 5] [--out FILE]

Prints a table and writes bench/results/maml_vs_learn2learn.json. See bench/README.md.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from _maml_tasks import QUERIES, RATE, SHOTS, STEPS, TASKS, WAYS, WIDTH
from crossbar_vs_aihwkit import processor
from rounds import THREADS, Side, compare

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent / "src"  # what is measured is this checkout
OURS, THEIRS = HERE / "_maml_insitu.py", HERE / "_maml_learn2learn.py"
VARIABLE = "INSITU_RIVAL_LEARN2LEARN"
HOW = f"the rival is not here: name an interpreter that finds learn2learn in {VARIABLE}; see bench/README.md"
# of each rival the ways it may run, of which the fastest takes part
RIVALS = {
    "learn2learn, all layers": ("every_layer, contiguous", "every_layer, channels last"),
    "torch.func, all layers": ("mapped every_layer, 1 at once", "mapped every_layer, 4 at once"),
    "learn2learn, head": ("head_only, contiguous", "head_only, channels last"),
    "torch.func, head": ("mapped head_only, 1 at once", "mapped head_only, 4 at once"),
    "learn2learn, head on features": ("inner_loop",),
}
# what, our task, the rival, how many times as many tasks ours handles, the ratio wanted
PAIRS = (
    ("all layers", "every_layer", "learn2learn, all layers", 1, 3.0),
    ("all layers", "every_layer", "torch.func, all layers", 1, None),
    ("head only", "head_only", "learn2learn, head", 1, 10.0),
    ("head only", "head_only", "torch.func, head", 1, None),
    ("head only, bfloat16 and both halves, per task", "head_only_as_it_comes", "learn2learn, head", 2, None),
    ("head only, inner loop on features at hand", "inner_loop", "learn2learn, head on features", 1, None),
)  # fmt: skip


def fastest(theirs: Side) -> dict[str, dict[str, Any]]:
    """Return of each rival its fastest way, and the processor time of all its ways."""
    theirs.ask("head_only, contiguous")  # warms up
    out = {}
    for rival, names in RIVALS.items():
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


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rival", default=os.environ.get(VARIABLE), help=f"its interpreter (or {VARIABLE})")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--out", type=Path, default=HERE / "results" / "maml_vs_learn2learn.json")
    given = options.parse_args()
    if not (given.rival and Path(given.rival).is_file()):
        raise SystemExit(HOW)
    if given.rounds < 2:
        raise SystemExit("--rounds are at least 2")
    result: dict[str, Any] = {
        "date": datetime.date.today().isoformat(),
        "threads": THREADS,
        "machine": {"processor": processor(), "cores": os.cpu_count(), "load_before": round(os.getloadavg()[0], 2)},
        "rounds": given.rounds,
        "meta_step": f"{TASKS} tasks, {WAYS}-way {SHOTS}-shot, {QUERIES} queries per class, conv4-{WIDTH}, "
        f"{STEPS} steps of {RATE}, second order, float32",
    }
    with Side(sys.executable, OURS, SOURCE) as ours, Side(given.rival, THEIRS) as theirs:
        result["versions"] = {"ours": ours.facts, "theirs": theirs.facts}
        result["rivals"] = fastest(theirs)
        result["agreement"] = agreement(ours, theirs, result["rivals"])
        print(json.dumps(result["agreement"], indent=2), flush=True)
        pairs = [(mine, result["rivals"][rival]["chosen"], float(times)) for _, mine, rival, times, _ in PAIRS]
        result["rows"] = []
        for (what, _, rival, _, wanted), row in zip(PAIRS, compare(ours, theirs, pairs, given.rounds), strict=True):
            reached = min(row["ratio"], row["cpu_ratio"])
            verdict = "" if wanted is None else "met" if reached >= wanted else "not met"
            result["rows"].append({"what": what, "rival": rival, "at_least": wanted, "verdict": verdict} | row)
            print(f"{what} / {rival}\n  {row['ours_ms']:.0f} ms against {row['theirs_ms']:.0f} ms")
            spread = f"{row['ratio_lower_quartile']:.2f}..{row['ratio_upper_quartile']:.2f}"
            print(
                f"  ratio {row['ratio']:.2f}, quartiles {spread}, of processor time {row['cpu_ratio']:.2f}  {verdict}"
            )
    result["head_only_against_learn2learn_all_layers"] = result["rows"][0]["theirs_ms"] / result["rows"][2]["ours_ms"]
    print(f"our head only against learn2learn, all layers: {result['head_only_against_learn2learn_all_layers']:.1f}")
    result["machine"]["load_after"] = round(os.getloadavg()[0], 2)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=2) + "\n")
    print(f"written: {given.out}")


if __name__ == "__main__":
    main()
