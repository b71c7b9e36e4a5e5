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
# # Reproduce a published table
#
# An experiment is one file that composes a scenario, a learner and a baseline, and states the published claims. This
# tutorial runs quick variants, which take under a minute each; leave `--quick` out to judge the claims.

# %%
import os
import subprocess


def sh(command: str) -> None:
    """Run a shell command, without colours and progress bars, and print its output."""
    environment = {name: value for name, value in os.environ.items() if "COLOR" not in name} | {"COLUMNS": "78"}
    done = subprocess.run(command, shell=True, check=True, env=environment, capture_output=True, text=True)
    print(done.stdout.rstrip())


sh("insitu list experiments")

# %% [markdown]
# ## Run

# %%
sh("insitu run karunaratne2022-miniimagenet --quick --out runs/tutorial/pcm")

# %% [markdown]
# The run wrote `report.json`, which holds every row, and `report.html`, a page without outside links. Each table of the
# report is also available as CSV:

# %%
sh("insitu report runs/tutorial/pcm --csv")

# %% [markdown]
# ## Change one thing
#
# Every field of the composition is a flag. Here the analog-to-digital converters get 3 bits instead of 8.

# %%
sh("insitu run karunaratne2022-miniimagenet --quick --out runs/tutorial/pcm-3-bits --learner.substrate.adc-bits 3")

# %% [markdown]
# ## Compare two runs

# %%
sh("insitu report runs/tutorial/pcm runs/tutorial/pcm-3-bits")

# %% [markdown]
# ## The same in Python
#
# `insitu.run.rows` yields one row per learner, session and age. A report is made from these rows and nothing else.

# %%
from dataclasses import replace

import pandas as pd

from insitu import run
from insitu.experiments.karunaratne2022_miniimagenet import QUICK

rows = pd.DataFrame(run.rows(replace(QUICK, ages_s=(60.0,)), seed=0))
rows = rows[rows["arm"].isin(["baseline", "learner"])]
table = rows.pivot(index="session", columns="arm", values="overall")
print(table.round(1))

# %% [markdown]
# Next: [experiments](../experiments.md) lists all of them with their data; [results](../results.md) holds the measured
# tables; [reports](../report.md) describes the schema.
