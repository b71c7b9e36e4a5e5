"""A Ray cluster on this machine, for tests."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PARTS = Path(__file__).parent / "sweep_parts"


MEMORY = 80 * 2**20  # bytes of Ray's object store


@contextmanager
def workers(cache: Path) -> Iterator[None]:
    """Set what processes of Ray that are started within the block inherit."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Ray's own start
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        patch.setenv("INSITU_PARTS", str(PARTS))
        patch.setenv("INSITU_CACHE", str(cache))
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        patch.setenv("RAY_worker_niceness", "0")  # with Ray's 15, workers hardly start on a machine with other work
        patch.setenv("RAY_worker_register_timeout_seconds", "300")
        yield


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A head with one core; tests add nodes."""
    utils = pytest.importorskip("ray.cluster_utils", reason="ray is not installed")
    with workers(tmp_path_factory.mktemp("cache")):
        head = {"num_cpus": 1, "object_store_memory": MEMORY, "include_dashboard": False}
        held = utils.Cluster(initialize_head=True, head_node_args=head)
        held.second = lambda: held.add_node(num_cpus=1, object_store_memory=MEMORY)
        yield held
        held.shutdown()


@pytest.fixture(scope="module")
def two_cores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Connect this process with a node of two cores, and return its address."""
    ray = pytest.importorskip("ray", reason="ray is not installed")
    with workers(tmp_path_factory.mktemp("cache")):
        ray.init("local", num_cpus=2, object_store_memory=MEMORY, include_dashboard=False, log_to_driver=False)
        yield ray.get_runtime_context().gcs_address
        ray.shutdown()
