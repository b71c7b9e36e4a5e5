"""What all tests share: fixed threads, hypothesis with the same examples in every run, no display, a last line."""

from __future__ import annotations

import os

# also for every Python that a test starts; a test of threads sets its own number
os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import torch

from fake_parts import fakes
from skipped import pytest_sessionfinish

__all__ = ["fakes", "pytest_sessionfinish"]  # a fixture and a hook

# plots are drawn into files; a machine without a display has no other way
os.environ.setdefault("MPLBACKEND", "Agg")

# sums of floats depend on how many threads share them; one is what every machine has, and on a busy machine threads of
# tiny products spend a hundred times as long waiting for each other
torch.set_num_threads(1)

# the same examples every time, so that a failure is the change's own; no deadline, since machines are shared
hypothesis.settings.register_profile("insitu", derandomize=True, deadline=None, max_examples=50, database=None)
# `make soak` sends services several times as many requests
hypothesis.settings.register_profile("soak", hypothesis.settings.get_profile("insitu"))
hypothesis.settings.load_profile("insitu")
