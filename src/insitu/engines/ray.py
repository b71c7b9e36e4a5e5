"""A Ray cluster that is already running, reached by its address."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from insitu.core import InsituError, install_hint
from insitu.engines import Engine, WorkerLostError

ANSWER_S = 5.0  # within which a cluster accepts a connection


@dataclass(frozen=True)
class Ray(Engine):
    """Tasks of one core each on the nodes of a cluster; nodes that are lost are replaced by those left."""

    address: str = "auto"  # HOST:PORT of the head node, ray://HOST:PORT, or auto for the cluster of this machine
    at_once: int = 1000  # tasks in the cluster's queue at a time

    shares_files = False

    @contextmanager
    def connect(self) -> Iterator[_Cluster]:
        """Connect with the cluster; tasks that are left when the block is left are cancelled."""
        with connected(self.address):
            cluster = _Cluster(self.at_once)
            try:
                yield cluster
            finally:
                cluster.cancel()


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Connect with a cluster, unless this process is connected; raise ``InsituError`` where there is none."""
    try:
        import ray
    except ImportError as error:
        raise InsituError(f"the engine ray needs Ray: {install_hint('cluster')}") from error
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # Ray warns about its coming default
    _check_reachable(address)
    try:
        ray.init(address, log_to_driver=False, configure_logging=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise _missing(address, error) from error
    try:
        yield
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Raise ``InsituError`` where nothing listens at the address: Ray itself would try for a minute."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address == "auto":
        return
    if not host or not port.isdigit():
        raise InsituError(f"--address is HOST:PORT, ray://HOST:PORT or auto; got {address!r}")
    try:
        socket.create_connection((host, int(port)), timeout=ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise _missing(address, error) from None


def _missing(address: str, error: Exception) -> InsituError:
    why = str(error).partition("\n")[0]
    return InsituError(
        f"there is no Ray cluster at {address} ({why}); start one with 'ray start --head', or give its --address"
    )


@dataclass
class _Cluster:
    slots: int
    running: set[Any] = field(default_factory=set)

    def submit(self, function: Callable[[Any], Any], task: Any) -> Any:
        import ray

        remote = ray.remote(num_cpus=1, max_retries=0)(function)  # ``engines.finished`` starts lost tasks again
        handle = remote.remote(task)
        self.running.add(handle)
        return handle

    def wait(self, handles: list[Any]) -> list[Any]:
        import ray

        ray.wait(handles, num_returns=1)
        return list(ray.wait(handles, num_returns=len(handles), timeout=0)[0])

    def result(self, handle: Any) -> Any:
        import ray

        self.running.discard(handle)
        try:
            return ray.get(handle)
        except ray.exceptions.RayTaskError as error:
            raise error.cause or InsituError(str(error).strip().splitlines()[-1]) from error
        except ray.exceptions.RayError as error:  # a worker, a node or what it held is gone
            raise WorkerLostError(type(error).__name__) from error

    def cancel(self) -> None:
        import ray

        for handle in self.running:
            ray.cancel(handle, force=True)
