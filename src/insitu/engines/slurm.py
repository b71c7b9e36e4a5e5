"""Jobs of Slurm, sent by submitit; the folder of the results is on a disk that all nodes share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from insitu.core import InsituError, install_hint
from insitu.engines import Engine, WorkerLostError

POLL_S = 1.0  # between two looks at the jobs


@dataclass(frozen=True)
class Slurm(Engine):
    """One job per task, so many at a time; ``parameters`` are those of submitit, such as slurm_partition."""

    folder: Path  # of submitit's files, on a shared disk
    workers: int  # number of jobs in the queue at a time
    parameters: tuple[tuple[str, Any], ...] = ()
    cluster: str = "slurm"  # submitit's name of the cluster; 'local' runs jobs as processes of this machine

    shares_files = True

    @contextmanager
    def connect(self) -> Iterator[_Jobs]:
        """Reach the cluster; jobs that are left when the block is left are cancelled."""
        try:
            import submitit
        except ImportError as error:
            raise InsituError(f"the engine slurm needs submitit: {install_hint('slurm')}") from error
        try:
            executor = submitit.AutoExecutor(self.folder, cluster=self.cluster)
        except RuntimeError as error:
            raise InsituError(f"there is no Slurm here ({error}); run this on a machine that submits jobs") from error
        try:
            executor.update_parameters(**dict(self.parameters))
        except (NameError, TypeError, ValueError) as error:
            raise InsituError(f"--slurm takes parameters of submitit as NAME=VALUE: {error}") from error
        jobs = _Jobs(self.workers, executor)
        try:
            yield jobs
        finally:
            for job in jobs.running:
                with suppress(OSError):
                    job.cancel()


def parameters(given: Iterable[str]) -> tuple[tuple[str, Any], ...]:
    """Return parameters that are written as NAME=VALUE, numbers as such."""
    pairs = []
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise InsituError(f"--slurm takes parameters of submitit as NAME=VALUE; got {text!r}")
        pairs.append((name, int(value) if value.isdigit() else value))
    return tuple(pairs)


@dataclass
class _Jobs:
    slots: int
    executor: Any
    running: list[Any] = field(default_factory=list)

    def submit(self, function: Callable[[Any], Any], task: Any) -> Any:
        from submitit.core.utils import FailedJobError

        try:
            job = self.executor.submit(function, task)
        except FailedJobError as error:
            raise InsituError(f"Slurm does not take the job: {' '.join(str(error).split())}") from error
        self.running.append(job)
        return job

    def wait(self, handles: list[Any]) -> list[Any]:
        while not (ended := [job for job in handles if job.done()]):
            time.sleep(POLL_S)
        return ended

    def result(self, job: Any) -> Any:
        from submitit.core.utils import FailedJobError, UncompletedJobError

        self.running.remove(job)
        try:
            return job.result()
        except FailedJobError as error:
            trace = str(error).partition("\n---")[2].partition("\n---")[0].split("\n")
            raise InsituError(
                next((line.strip() for line in reversed(trace) if line.strip()), "the job failed")
            ) from error
        except UncompletedJobError as error:
            raise WorkerLostError(str(error).partition("\n")[0]) from error
