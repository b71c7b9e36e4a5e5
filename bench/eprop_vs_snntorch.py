"""One meta-training iteration of e-prop, 32 movements of 250 steps, against the same with snnTorch's neurons.

    INSITU_RIVAL_SNNTORCH=path/to/python python bench/eprop_vs_snntorch.py [--rounds 7] [--out FILE]

Prints a table and writes bench/results/eprop.json. See bench/README.md.
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

import numpy as np

from _eprop_task import MOVEMENTS, STEPS
from _eprop_task import VARIABLE as GIVEN
from crossbar_vs_aihwkit import processor
from rounds import THREADS, Side, compare

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent / "src"  # what is measured is this checkout
OURS, THEIRS = HERE / "_eprop_insitu.py", HERE / "_eprop_snntorch.py"
VARIABLE = "INSITU_RIVAL_SNNTORCH"
HOW = f"the rival is not here: name an interpreter that imports snntorch in {VARIABLE}; see bench/README.md"
WANTED = 10.0


def write(file: Path) -> None:
    """Write the weights that are shipped and movements, the same for both sides.

    Ours takes as long as neurons fire, so weights are trained ones; snnTorch takes the same time for any.
    """
    sys.path.insert(0, str(SOURCE))
    from insitu.backbones import trained, weights_file
    from insitu.backbones.spiking import NAMES
    from insitu.backbones.spiking_codes import clock, position_code
    from insitu.core import generator
    from insitu.training import eprop_phases as phases

    omega, position = phases.movements(MOVEMENTS, STEPS, generator(0, "bench"))
    state = weights_file.load(trained.stem("ortner2025_arm")).network.state_dict()
    code = position_code(position).transpose(0, 1).numpy()
    ticks = np.broadcast_to(clock(STEPS).numpy()[:, None], (STEPS, MOVEMENTS, 5))
    held = {name: state[name].numpy() for name in NAMES}
    held |= {"omega": omega.numpy(), "position": position.numpy(), "bits": np.concatenate([ticks, code], 2)}
    np.savez(file, **held)


def row(what: str, ours: Side, theirs: Side, task: str, rounds: int, wanted: float | None) -> dict[str, Any]:
    """Time one pair; print and return it."""
    [found] = compare(ours, theirs, [("iteration", task, 1.0)], rounds)
    reached = min(found["ratio"], found["cpu_ratio"])
    verdict = "" if wanted is None else "met" if reached >= wanted else "not met"
    print(f"{what}\n  {found['ours_ms']:.0f} ms against {found['theirs_ms']:.0f} ms an iteration; of processor time")
    print(f"  {found['cpu_ours_ms']:.0f} ms against {found['cpu_theirs_ms']:.0f} ms; ratio {found['ratio']:.1f}")
    print(f"  (quartiles {found['ratio_lower_quartile']:.1f}..{found['ratio_upper_quartile']:.1f}), of processor time")
    print(f"  {found['cpu_ratio']:.1f}  {verdict}")
    return {"what": what, "at_least": wanted, "verdict": verdict} | found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rival", default=os.environ.get(VARIABLE), help=f"interpreter with snntorch (or {VARIABLE})")
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--out", type=Path, default=HERE / "results" / "eprop.json")
    given = options.parse_args()
    if not (given.rival and Path(given.rival).is_file()):
        raise SystemExit(HOW)
    if given.rounds < 2:
        raise SystemExit("--rounds is at least 2")
    result: dict[str, Any] = {
        "date": datetime.date.today().isoformat(),
        "threads": THREADS,
        "machine": {"processor": processor(), "cores": os.cpu_count(), "load_before": round(os.getloadavg()[0], 2)},
        "rounds": given.rounds,
        "movements": MOVEMENTS,
        "steps": STEPS,
    }
    with tempfile.TemporaryDirectory() as folder:
        os.environ[GIVEN] = str(Path(folder) / "given.npz")
        write(Path(os.environ[GIVEN]))
        with Side(sys.executable, OURS, SOURCE) as ours:
            result["rates_hz"] = ours.ask("rates")["value"]
            with Side(given.rival, THEIRS) as theirs:
                result["versions"] = {"ours": ours.facts, "theirs": theirs.facts}
                what = "snnTorch, without refractory steps and adaptation"
                result["iterations"] = [row(what, ours, theirs, "iteration", given.rounds, WANTED)]
            with Side(sys.executable, OURS, SOURCE) as plain:
                what = "the whole model in plain PyTorch, our own reference"
                result["iterations"].append(row(what, ours, plain, "plain", given.rounds, None))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=2) + "\n")
    print(f"written: {given.out}")


if __name__ == "__main__":
    main()
