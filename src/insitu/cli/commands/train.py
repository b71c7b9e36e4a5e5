"""Train a backbone: live progress, checkpoints, exact resume.

usage: insitu train NAME [--quick] [--device NAME] [--out DIR] [--ANY.FIELD VALUE ...]

NAME is a job of the room 'training'; every field of its recipe is a flag: 'insitu train NAME --help' lists them.
Ctrl-C finishes the step, saves and stops; the same command continues to exactly the weights of an uninterrupted run.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from insitu import catalog, compute_device
from insitu.core import InsituError

if TYPE_CHECKING:
    from insitu.training import Job


def main(args: list[str]) -> int:
    """Train the job named first; the rest are its flags."""
    jobs = [part for part in catalog.parts("training") if part.symbol == catalog.RECORDS["training"]]
    known = ", ".join(part.name for part in jobs) or "there is none yet"
    if not args or args[0].startswith("-"):
        raise InsituError(f"train takes the name of a training first: {known}")
    part = next((part for part in jobs if part.name == catalog.dashed(args[0])), None)
    if part is None:
        hint = catalog.suggest(catalog.dashed(args[0]), [part.name for part in jobs])
        raise InsituError(f"no training called {args[0]!r}; {hint or f'there are: {known}'}")
    from rich.console import Console

    from insitu.cli import interrupt, training_progress

    job, out = _parse(part, args[1:])
    if out.exists() and not out.is_dir():
        raise InsituError(f"--out is a folder, and {out} is a file; give another folder")
    again = " ".join(["insitu train", *args])
    before = _files(out, part.path.stem)
    with interrupt.graceful() as stopped, training_progress.display(part.name, Console(stderr=True)) as display:
        try:
            for progress in job.train(part.path.stem, out, stop=stopped):
                display.update(progress)
        except KeyboardInterrupt as stop:
            raise KeyboardInterrupt(f"the last checkpoint is in {out}; to continue: {again}") from stop
    made = [file for file, state in _files(out, part.path.stem).items() if before.get(file) != state]
    if stopped() and not made:
        raise KeyboardInterrupt(f"all steps so far are kept in {out}; to continue: {again}")
    print("\n".join(str(file) for file in made))
    return 0


def _files(out: Path, stem: str) -> dict[Path, tuple[int, int]]:
    """Return the files of a training, each with what changes when it is written again."""
    return {file: (file.stat().st_ino, file.stat().st_mtime_ns) for file in sorted(out.glob(f"{stem}*.*"))}


def _parse(part: catalog.Part, args: list[str]) -> tuple[Job, Path]:
    from insitu.cli import flags
    from insitu.core import cache_folder

    quick = any(word in ("--quick", "--quick=True") for word in args)
    job: Job = catalog.load(part)
    extras: dict[str, Any]
    job, extras = flags.parse(
        job.quick() if quick else job,
        args,
        prog=f"insitu train {part.name}",
        title=part.summary,
        quick=flags.Extra(bool, False, "a minute or two through every stage, to see that it works"),
        device=flags.Extra(str, compute_device.name(), "device that trains: cpu, cuda or cuda:N"),
        out=flags.Extra(
            Path,
            cache_folder() / "training" / (part.name + ("-quick" if quick else "")),
            "folder of checkpoints and weights",
        ),
    )
    compute_device.choose(extras["device"])
    return job, extras["out"]
