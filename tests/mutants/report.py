"""Changes in the command line: verdicts, keys, what is kept."""

from __future__ import annotations

from plant import Mutant

MUTANTS = [
    Mutant(
        "the verdict judges the best seed and not the median",
        "report/intervals.py",
        'return {"median": round(median(known), 4), "low": low, "high": high}',
        'return {"median": round(max(known), 4), "low": low, "high": high}',
        ("report/test_claims.py", "report/test_intervals.py"),
    ),
    Mutant(
        "an interval cuts off ten times as much",
        "report/intervals.py",
        "if 40 * passed >= size**size:",
        "if 4 * passed >= size**size:",
        ("report/test_intervals.py",),
    ),
    Mutant(
        "claims of another composition are judged",
        "report/sections/claims.py",
        'if all(each["field"] == "data" for each in changes):',
        "if True:",
        ("cli/test_shared_flags.py",),
    ),
    Mutant(
        "the key of finished seeds goes without code and weights",
        "report/composition.py",
        "inputs(experiment), _trained(shape), _package_digest()]",
        "inputs(experiment), _trained(shape)]",
        ("report/test_composition.py",),
    ),
    Mutant(
        "the key of finished seeds goes without the data",
        "report/composition.py",
        "json.dumps([shape, data, ",
        "json.dumps([shape, ",
        ("report/test_composition.py",),
    ),
    Mutant(
        "weights are no part of the code",
        "report/composition.py",
        "if file.is_file() and inside[0] not in OUTSIDE",
        'if file.suffix == ".py" and inside[0] not in OUTSIDE',
        ("report/test_composition.py",),
    ),
    Mutant(
        "an interrupted arm counts as finished",
        "run.py",
        "                yield before, False\n",
        "                yield before, True\n",
        ("cli/test_run_interrupt.py",),
    ),
    Mutant(
        "a changed run takes the folder of the published one",
        "report/run_folders.py",
        "if held is not None and held[0] != identity:",
        "if False:",
        ("cli/test_run_folders.py",),
    ),
    Mutant(
        "flags of the learner stop at the first variant",
        "cli/shared_flags.py",
        "        variants.append(replace(variant, learner=learner))",
        "        variants.append(replace(variant, learner=variant.learner if variants else learner))",
        ("cli/test_shared_flags.py",),
    ),
    Mutant(
        "parts that do not fit are found out on the way",
        "experiments/fit.py",
        "            learner.check(scenario.protocol, scenario.inputs(data))\n",
        "            pass\n",
        ("cli/test_every_choice.py::test_every_learner_fits_every_scenario_or_is_refused_with_those_that_fit",),
    ),
]
