"""Compare every learner on every substrate over every backbone of a data set, in one table and one figure.

usage: insitu matrix [DATA_SET] [--quick] [--learners NAME ...] [--substrates NAME ...] [--backbones NAME ...]
                     [--data package|images] [--seeds N] [--out DIR]

Without names, everything that can be combined is: the learners of few-shot sessions, float and 8-bit numbers and a
crossbar of every device, the backbones of the data set. Named parts that cannot be combined are an error. The report is
one like those of 'insitu run', in runs/matrix unless --out names another folder; what is finished there is not computed
again, so that the same command continues where it was stopped.
"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

from insitu.core import InsituError


def main(args: list[str]) -> int:
    """Run all combinations that ``args`` select."""
    from insitu.cli import experiment_run, flags
    from insitu.experiments import combinations, fit
    from insitu.experiments.combinations import QUICK, Selection

    quick = any(word in ("--quick", "--quick=True") for word in args)
    given, rest = (args[0], args[1:]) if args and not args[0].startswith("-") else ("", args)
    original = QUICK if quick else Selection()
    if given and any(word.partition("=")[0] == "--data-set" for word in rest):
        raise InsituError("the data set is given once, as the first word or by --data-set")
    for group in flags.groups(rest, "insitu matrix"):
        if group.name in ("learners", "substrates", "backbones") and not group.values:
            raise InsituError(f"--{group.name} takes names; leave it away to combine all; got nothing")
    start = replace(original, data_set=given.replace("-", "_")) if given else original
    selected, extras = flags.parse(
        start,
        rest,
        prog="insitu matrix",
        title="every learner on every substrate over every backbone of a data set",
        quick=flags.Extra(bool, False, "combine fewer parts, to check that everything works"),
        out=flags.Extra(Path, Path("runs") / ("matrix" + "-quick" * quick), "folder of the results"),
    )
    experiment = combinations.experiment(selected)
    fit.check(experiment)
    changes = [
        {
            "field": field.name,
            "before": _text(getattr(original, field.name)),
            "after": _text(getattr(selected, field.name)),
        }
        for field in fields(Selection)
        if field.name != "seeds" and getattr(selected, field.name) != getattr(original, field.name)
    ]
    named = any(word.partition("=")[0] == "--out" for word in args)
    title = f"All combinations of learner, substrate and backbone on {selected.data_set}"
    about = {"experiment": "matrix", "title": title, "quick": quick, "changes": changes}
    return experiment_run.run(experiment, about, extras["out"] if named else None)


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
