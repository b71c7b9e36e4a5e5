"""Changes in arrays: how they are written, read, converted and compensated, one by one and many side by side."""

from __future__ import annotations

from plant import Mutant

MUTANTS = [
    Mutant(
        "read noise has half its variance",
        "substrates/analog/readings.py",
        "np.square(deviation).sum((0, 1), dtype=np.float32)",
        "np.float32(0.5) * np.square(deviation).sum((0, 1), dtype=np.float32)",
        ("substrates/test_noise_size.py",),
    ),
    Mutant(
        "read noise in whole numbers has half its size",
        "substrates/analog/integer_product.py",
        "variances.unit * np.float32(1 / levels**2)",
        "variances.unit * np.float32(0.25 / levels**2)",
        ("substrates/test_noise_size.py",),
    ),
    Mutant(
        "a converter cuts off and does not round",
        "kernels/readout.py",
        "current = np.rint(steps) * step",
        "current = np.trunc(steps) * step",
        ("kernels/test_readout.py",),
    ),
    Mutant(
        "a calibrated range holds nine tenths of the largest current",
        "substrates/analog/converters.py",
        "HEADROOM = 1.1",
        "HEADROOM = 0.9",
        ("substrates/test_crossbar.py",),
    ),
    Mutant(
        "drift is compensated the wrong way round",
        "substrates/analog/probes.py",
        "reference / present.clamp_min(SMALLEST_US), torch.ones(())",
        "present / reference.clamp_min(SMALLEST_US), torch.ones(())",
        ("substrates/test_drift.py",),
    ),
    Mutant(
        "columns that were never written weigh in the common factor",
        "substrates/analog/probes.py",
        "reference[written].double().sum() / present[written].double().sum()",
        "reference[written].double().sum() / present.double().sum()",
        ("substrates/test_drift.py",),
    ),
    Mutant(
        "tiles that were written since keep their calibration",
        "substrates/analog/writing.py",
        "        ranges[part.tile] = None\n",
        "",
        ("substrates/test_crossbar.py", "laws/test_substrates.py"),
    ),
    Mutant(
        "what is negative goes to both sides",
        "substrates/analog/writing.py",
        "np.maximum(values, 0, out=out[0])",
        "np.abs(values, out=out[0])",
        ("laws/test_substrates.py",),
    ),
    Mutant(
        "SET pulses are counted for one of the devices only",
        "substrates/crossbar.py",
        "int(pulses.sum(dtype=np.int64))",
        "int(pulses[0].sum(dtype=np.int64))",
        ("laws/test_substrates.py", "substrates/test_crossbar.py"),
    ),
    Mutant(
        "deltas program every cell",
        "substrates/analog/delta_crossbar.py",
        "np.nonzero((new != old[:, None]).swapaxes(0, 1))",
        "np.nonzero((new == new).swapaxes(0, 1))",
        ("learners/test_eprop_learner.py", "laws/test_substrates.py"),
    ),
    Mutant(
        "cells of a batch that are reprogrammed late aim at their weight without the factor of their column",
        "substrates/analog/batched_crossbar.py",
        "us = np.minimum(us / of_cells, np.float32(array.device.full_scale_us))",
        "us = us",
        ("substrates/test_batches.py",),
    ),
    Mutant(
        "a batch is not compensated for drift",
        "substrates/analog/batched_crossbar.py",
        'return out if array.compensation == "none" else out * factors[:, None]',
        "return out",
        ("substrates/test_batches.py",),
    ),
]
