"""Our side of the search benchmark: exact search on the digital substrate. Started by search_vs_faiss.py."""

from __future__ import annotations

import numpy as np
import torch

import insitu
from _search_data import CANDIDATES, DIM, OUTPUTS, fold, parts, queries
from insitu.ledger import Ledger
from insitu.substrates.digital import Digital, Held
from rounds import THREADS, serve

torch.set_num_threads(THREADS)
weights, start = torch.empty(DIM, OUTPUTS), 0
for part in parts():
    weights[:, start : start + len(part)] = torch.from_numpy(part.T)
    start += len(part)
held, x, rng = Held(weights, Ledger()), torch.from_numpy(queries()), np.random.default_rng(0)


def batch() -> list[int]:
    return fold(Digital().search(held, x, 0.0, rng).numpy())


def single() -> list[int]:
    return one_by_one(Digital())


def one_by_one(substrate: Digital) -> list[int]:
    return [column for row in x[:8] for column in fold(substrate.search(held, row[None], 0.0, rng).numpy())]


def approximate() -> list[int]:
    return one_by_one(APPROXIMATE)


def recall() -> float:
    found = APPROXIMATE.search(held, x, 0.0, rng)
    return float((found == Digital().search(held, x, 0.0, rng)).float().mean())


APPROXIMATE = Digital(candidates=CANDIDATES)
tasks = {"batch": batch, "single": single, "approximate": approximate, "recall": recall}
serve(tasks, {"insitu": insitu.__version__, "torch": torch.__version__})
