"""The rival's side of the search benchmark: faiss with a flat index. Started by search_vs_faiss.py."""

from __future__ import annotations

import faiss

from _search_data import DIM, fold, parts, queries
from rounds import THREADS, serve

faiss.omp_set_num_threads(THREADS)
index = faiss.IndexFlatIP(DIM)
for part in parts():
    index.add(part)
x = queries()


def batch() -> list[int]:
    return fold(index.search(x, 1)[1][:, 0])


def single() -> list[int]:
    return [column for row in x[:8] for column in fold(index.search(row[None], 1)[1][:, 0])]


serve({"batch": batch, "single": single}, {"faiss": faiss.__version__})
