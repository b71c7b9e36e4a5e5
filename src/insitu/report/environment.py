"""The machine of a run: processor, instructions, threads, versions. No names of hosts or users, no paths."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import insitu
from insitu import compute_device

LIBRARIES = ("torch", "numpy", "numba", "scikit-learn")
# names that LLVM, which compiles for Numba, has for them, the widest first, and how they are usually written
INSTRUCTIONS = {
    "avx512vnni": "AVX-512 VNNI",
    "avx512f": "AVX-512",
    "avxvnni": "AVX-VNNI",
    "avx2": "AVX2",
    "sve": "SVE",
    "neon": "NEON",
}


def machine() -> dict[str, str | int]:
    """Return processor model, usable cores, threads, vector instructions, Python and platform."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "threads": threads(),
        "instructions": instructions(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        **({} if compute_device.name() == "cpu" else {"device": compute_device.name()}),
    }


def threads() -> int:
    """Return how many threads PyTorch uses; Numba's loops use as many."""
    import torch  # here, because importing it takes a second

    return torch.get_num_threads()


def instructions() -> str:
    """Return the widest vector instructions as each library sees them: 'AVX-512 VNNI (torch AVX512, numpy AVX512_ICL)'.

    Numba compiles for the processor it runs on, unless ``NUMBA_CPU_NAME`` names another; torch and NumPy choose among
    the instructions they were built for.
    """
    import numpy as np
    import torch

    found = np.show_config(mode="dicts")["SIMD Extensions"]  # type: ignore[index,call-overload,unused-ignore]
    named = [*found.get("baseline", []), *found.get("found", [])]
    return f"{_of_numba()} (torch {torch.backends.cpu.get_cpu_capability()}, numpy {named[-1] if named else 'plain'})"


def _of_numba() -> str:
    try:
        import llvmlite.binding as llvm
        from numba.core import config
    except ImportError:
        return "no Numba"
    if config.DISABLE_JIT:  # type: ignore[attr-defined] # set when it is imported
        return "no Numba"
    given = config.CPU_FEATURES  # type: ignore[attr-defined]
    return widest(llvm.get_host_cpu_features().flatten() if given is None else given)


def widest(features: str) -> str:
    """Return the widest of ``INSTRUCTIONS`` among ``features``, which LLVM writes as '+avx2,-avx512f'."""
    held = {feature.strip().removeprefix("+") for feature in features.split(",")}
    return next((words for name, words in INSTRUCTIONS.items() if name in held), "no vector instructions known")


def versions() -> dict[str, str]:
    """Return the versions of insitu and of the libraries that compute."""
    return {"insitu": insitu.__version__} | {name: _version(name) for name in LIBRARIES if _version(name)}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_bytes().decode("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
