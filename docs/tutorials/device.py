# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From your own device to a report
#
# A device is the physics of one memory cell, in one file. This tutorial writes one, draws its curves, runs the laws
# that every device must obey, and puts it under a published experiment.
#
# insitu finds parts by file name in its own source tree and in the folders that `INSITU_PARTS` names, which have one
# sub-folder per kind of part.

# %%
import os
import subprocess
from pathlib import Path


def sh(command: str) -> None:
    """Run a shell command, without colours and progress bars, and print its output."""
    environment = {name: value for name, value in os.environ.items() if "COLOR" not in name} | {"COLUMNS": "78"}
    done = subprocess.run(command, shell=True, check=True, env=environment, capture_output=True, text=True)
    print(done.stdout.rstrip())


os.environ["INSITU_PARTS"] = str(Path("runs/tutorial/parts").resolve())
Path("runs/tutorial/parts/devices").mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## One file
#
# The file's name is the public name, and the class has that name without underscores. A device implements `reset`,
# `program` and `read`, and `pulse` if its model describes single SET pulses. Every method takes cells, a time in
# seconds and a generator, and returns new cells. The docstring states the equations and what is not modelled.

# %%
# %%writefile runs/tutorial/parts/devices/my_cell.py
"""My cell: a random step per SET pulse up to a ceiling, slow drift, read noise in proportion.

Equations (G in µS): a pulse adds N(1, 0.3) to G, within 0..20; G(t) = G (t / 60 s)^-0.05; read noise N(0, 0.02 G).
Not modelled: programming error, endurance, temperature. Own choice: a cell younger than 60 s reads as at 60 s.
"""

from dataclasses import dataclass, replace

import numpy as np

from insitu.devices import Device, check_now, checked_pulses, checked_targets, drifted, uniform_cells


@dataclass(frozen=True)
class MyCell(Device):
    """Cell that adds a random step per SET pulse."""

    full_scale_us: float = 20.0  # largest conductance, in µS
    step_us: float = 1.0  # mean step of one SET pulse, in µS

    def reset(self, shape, now_s, rng):
        return uniform_cells(np.zeros(shape, np.float32), 0.05, now_s)

    def program(self, target_us, now_s, rng):
        return uniform_cells(checked_targets(target_us, self.full_scale_us), 0.05, now_s)

    def pulse(self, cells, pulses, now_s, rng):
        check_now(cells, now_s)
        count = checked_pulses(pulses, cells.shape)
        steps = self.step_us * (count + 0.3 * np.sqrt(count) * rng.standard_normal(count.shape))
        g = np.clip(cells.conductance_us + steps, 0, self.full_scale_us).astype(np.float32)
        return replace(cells, conductance_us=g, programmed_s=np.where(count > 0, now_s, cells.programmed_s))

    def read(self, cells, now_s):
        mean, _ = drifted(cells, now_s, t0_s=60.0)
        return mean, 0.02 * mean


# %% [markdown]
# ## Look at it
#
# `insitu show` prints the docstring, the fields with their defaults, and simulated curves; `--figure` draws them.

# %%
sh("insitu show my-cell --figure runs/tutorial/my_cell.svg")

# %%
from IPython.display import SVG

SVG("runs/tutorial/my_cell.svg")

# %% [markdown]
# ## Run the laws
#
# Same seed, same cells; reading changes nothing; programming reaches its target; conductances stay in range. In the
# source folder:

# %%
sh("python -m pytest tests/laws -k my_cell -q -p no:cacheprovider")

# %% [markdown]
# ## Put it under an experiment
#
# Its fields are flags too.

# %%
sh("insitu run karunaratne2022-omniglot --quick --out runs/tutorial/published")
sh(
    "insitu run karunaratne2022-omniglot --quick --out runs/tutorial/my-cell "
    "--learner.substrate.device my-cell --learner.substrate.device.step-us 0.8"
)

# %%
sh("insitu report runs/tutorial/published runs/tutorial/my-cell")

# %% [markdown]
# `runs/tutorial/my-cell/report.html` is the whole report as one page. Next: [devices](../devices.md) and
# [substrates](../substrates.md).
