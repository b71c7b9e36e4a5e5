"""A Ray cluster on this machine, for tests."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PARTS = Path(__file__).parent / "sweep_parts"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A head with one core; tests add nodes."""
    utils = pytest.importorskip("ray.cluster_utils", reason="ray is not installed")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Ray's own start
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        patch.setenv("INSITU_PARTS", str(PARTS))
        patch.setenv("INSITU_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        memory = 80 * 2**20
        head = {"num_cpus": 1, "object_store_memory": memory, "include_dashboard": False}
        held = utils.Cluster(initialize_head=True, head_node_args=head)
        held.second = lambda: held.add_node(num_cpus=1, object_store_memory=memory)
        yield held
        held.shutdown()
