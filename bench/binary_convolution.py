"""3x3 convolutions of 1-bit numbers against PyTorch's of floats, and against the most this processor can count.

    python bench/binary_convolution.py [--rounds 15] [--out FILE]

See bench/README.md.
"""

from __future__ import annotations

import statistics
import sys
from typing import Any

import script
from _binary_shapes import CASES, name, repeats, words
from rounds import Side, compare

RIVALS = ()
OURS, THEIRS = script.HERE / "_binary_insitu.py", script.HERE / "_binary_torch.py"
LAYOUTS = ("contiguous", "channels_last")
FASTER, AIM = 6.0, 10.0  # wanted ratio to PyTorch
SHARE, SHARE_AIM = 0.3, 0.6  # wanted share of the limit
# our task, their task
PAIRS = (
    *((ours, layout) for ours in ("packed", "packing") for layout in LAYOUTS),
    ("packed", "bfloat16"),
    *(("block", f"block {layout}") for layout in LAYOUTS),
)


def against(ours: Side, theirs: Side, rounds: int) -> list[dict[str, Any]]:
    """Measure every pair in every case; of PyTorch's two layouts the faster one is the rival."""
    asked = [(case, pair) for case in CASES for pair in PAIRS]
    tasks = [(name(mine, *case), name(other, *case), 1.0) for case, (mine, other) in asked]
    rows = []
    for (case, (mine, other)), row in zip(asked, compare(ours, theirs, tasks, rounds), strict=True):
        for key in ("ours_ms", "theirs_ms", "cpu_ours_ms", "cpu_theirs_ms"):
            row[key] /= repeats(case[1])
        rows.append(facts_of(case) | {"ours": mine, "theirs": other} | row)
    slower = set()
    for a in rows:
        for b in rows:
            same = all(a[key] == b[key] for key in ("layer", "batch", "threads", "ours"))
            if same and "bfloat16" not in (a["theirs"], b["theirs"]) and a["theirs_ms"] > b["theirs_ms"]:
                slower.add(id(a))
    for row in rows:
        row["rival"] = row["theirs"] != "bfloat16" and id(row) not in slower
        reached = min(row["ratio"], row["cpu_ratio"])
        wanted = row["rival"] and row["ours"] == "packed"
        row["at_least"], row["verdict"] = (FASTER, verdict(reached, FASTER, AIM)) if wanted else (None, "")
    return rows


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows that the common table shows: packed, against the faster layout; with that layout's name."""
    out = []
    for row in rows:
        if row["rival"] and row["ours"] == "packed":
            what = f"binary 3x3 convolution {row['layer']}, batch {row['batch']}, {row['threads']} thread(s)"
            out.append(row | {"what": what, "rival": "PyTorch float32", "note": row["theirs"].replace("_", " ")})
    return out


def shares(ours: Side, rounds: int) -> list[dict[str, Any]]:
    """Measure which share of the words that this processor can compare in the same time each case compares."""
    taken: list[list[tuple[float, float]]] = [[] for _ in CASES]
    for count in range(rounds + 1):
        for case, speeds in zip(CASES, taken, strict=True):
            limit, case_run = ours.ask(f"limit threads {case[2]}"), ours.ask(name("packed", *case))
            if count:
                speeds.append((words(*case[:2]) * repeats(case[1]) / case_run["s"], limit["value"] / limit["s"]))
    rows = []
    for case, speeds in zip(CASES, taken, strict=True):
        # the median pair by pair may be above 1 where other work fell on the limit, the best of each may not
        share = statistics.median(mine / most for mine, most in speeds)
        best, most = (max(column) for column in zip(*speeds, strict=True))
        reached = min(share, best / most)
        row = {"share": share, "share_of_best": best / most, "best_words_per_s": best, "limit_words_per_s": most}
        rows.append(facts_of(case) | row | {"verdict": verdict(reached, SHARE, SHARE_AIM)})
    return rows


def facts_of(case: tuple[tuple[int, int], int, int]) -> dict[str, Any]:
    (side, channels), batch, threads = case
    return {"layer": f"{side}x{side}x{channels}", "batch": batch, "threads": threads}


def verdict(reached: float, wanted: float, aim: float) -> str:
    return "aim met" if reached >= aim else "met" if reached >= wanted else "not met"


def show(rows: list[dict[str, Any]], limits: list[dict[str, Any]]) -> None:
    for row in rows:
        where = f"{row['layer']:>9} batch {row['batch']:>2} threads {row['threads']}  {row['ours']:>7}"
        mark = "*" if row["rival"] else " "
        print(
            f"{where} {row['ours_ms']:>7.3f} ms {mark}{row['theirs']:>19} {row['theirs_ms']:>8.3f} ms"
            f"  {row['ratio']:>5.1f} (cpu {row['cpu_ratio']:>5.1f}) {row['verdict']}"
        )
    print("share of the words that this processor compares at most")
    for row in limits:
        print(
            f"{row['layer']:>9} batch {row['batch']:>2} threads {row['threads']} {100 * row['share']:>5.0f} %,"
            f" best of each {100 * row['share_of_best']:.0f} % of {row['limit_words_per_s'] / 1e9:.1f} billion a second"
            f"  {row['verdict']}"
        )


def main() -> None:
    given = script.options(__doc__, "binary_convolution", 15).parse_args()
    result = script.begin(given.rounds)
    with Side(sys.executable, OURS, script.SOURCE) as ours, Side(sys.executable, THEIRS) as theirs:
        cases, limits = against(ours, theirs, given.rounds), shares(ours, given.rounds)
        result["versions"] = {"ours": ours.facts, "theirs": theirs.facts}
    show(cases, limits)
    script.finish(result | {"rows": summary(cases), "cases": cases, "limits": limits}, given.out)


if __name__ == "__main__":
    main()
