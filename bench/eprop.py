"""One meta-training iteration of e-prop and one e-prop update, against snnTorch, norse and braintrace.

    INSITU_RIVALS=folder python bench/eprop.py [--rounds 7] [--out FILE]

A rival that is not there is left out, and the result says so. See bench/README.md.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import script
from _eprop_task import MOVEMENTS, STEPS
from _eprop_task import VARIABLE as GIVEN
from rounds import Side
from script import Pair

RIVALS = ("snntorch", "norse", "braintrace")
OURS = script.HERE / "_eprop_insitu.py"
ITERATION = "e-prop meta-training iteration, 32 movements of 250 steps"
NEURONS = Pair(ITERATION, "iteration", "iteration", 10.0, note="the rival without refractory steps and adaptation")
SHARED = "ours runs the trainee once for all, the rival once for each"


def pairs(rival: str, theirs: Side) -> list[Pair]:
    """Return what is measured against a rival; of braintrace's algorithms the faster one of each size."""
    if rival != "braintrace":
        return [NEURONS]
    out = []
    for size, note in ((1, "compiled by JAX"), (MOVEMENTS, f"compiled by JAX; {SHARED}")):
        names = [f"{algorithm} update/{size}" for algorithm in ("eprop", "pp_prop")]
        for name in names:
            theirs.ask(name)  # compiles
        name = min(names, key=lambda name: theirs.ask(name)["cpu_s"])
        what = f"e-prop update, {size} movement{'s' if size > 1 else ''} of {STEPS} steps"
        out.append(Pair(what, f"update/{size}", name, note=f"{name.split()[0]}, {note}"))
    return out


def write(file: Path) -> None:
    """Write the weights that are shipped and movements, the same for both sides.

    Ours takes as long as neurons fire, so weights are trained ones; snnTorch takes the same time for any.
    """
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


def main() -> None:
    given = script.options(__doc__, "eprop", 7).parse_args()
    result = script.begin(given.rounds) | {"movements": MOVEMENTS, "steps": STEPS, "versions": {}, "rows": []}
    rows: list[dict[str, Any]] = result["rows"]
    found, missing = script.interpreters(RIVALS)
    with tempfile.TemporaryDirectory() as folder:
        os.environ[GIVEN] = str(Path(folder) / "given.npz")
        write(Path(os.environ[GIVEN]))
        with Side(sys.executable, OURS, script.SOURCE) as ours:
            result["rates_hz"] = ours.ask("rates")["value"]
            for rival, python in found.items():
                with Side(python, script.HERE / f"_eprop_{rival}.py") as theirs:
                    result["versions"] |= {"ours": ours.facts, rival: theirs.facts}
                    rows += script.compared(ours, theirs, rival, pairs(rival, theirs), given.rounds)
            with Side(sys.executable, OURS, script.SOURCE) as plain:
                pair = Pair(ITERATION, "iteration", "plain", note="our own reference, the whole model")
                rows += script.compared(ours, plain, "plain PyTorch", [pair], 2)
    script.finish(result | {"missing": missing}, given.out)


if __name__ == "__main__":
    main()
