"""What is exported as C: accuracy against the float forms, sizes and instructions on a Cortex-M4, emlearn next to it.

    INSITU_RIVALS=folder python bench/device.py [--images 2000] [--seeds 3] [--quicknet STEM]

Needs GCC for Arm and RISC-V with picolibc, and QEMU; the images of CIFAR-10 under INSITU_DATA; and emlearn for
its C headers. Writes sizes and instructions, which are no ratios of time and so not of ``all.py``'s table, to
bench/results/device.json. See bench/README.md.
"""

from __future__ import annotations

import argparse
import datetime
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import _device_accuracy as accuracy
import script
from insitu.backbones import trained, weights_file
from insitu.backbones.binary.freezing import freeze
from insitu.backbones.binary.integer import integer_network
from insitu.backbones.quicknet import Quicknet
from insitu.export import export_head, export_memory, export_network, integer_memory
from insitu.export.measured import BOARD, COMPILER, CORE, EMULATOR, LINKED, SIZE, measure
from insitu.export.plan import Plan, head_plan, memory_plan, network_plan
from insitu.learners.cwr_star import CwrStar
from insitu.learners.integer_cwr import integer_head
from insitu.memory import Memory
from insitu.memory.integer_memory import IntegerMemory
from insitu.scenarios.class_stream import ClassStream
from insitu.scenarios.few_shot_sessions import FewShotSessions

HERE = Path(__file__).resolve().parent
QUICKNETS = (64, 128, 256, 512), (64, 128, 256, 416)  # the second fits a flash of 1 MiB
CLASSES, ROWS, SHOTS = 50, 256, 5


def run(*command: object, folder: Path) -> str:
    done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def fifty_classes() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return shots, their labels, tests and theirs: 40 new and 10 base classes of miniImageNet."""
    scenario = FewShotSessions()
    base = scenario.base("package")
    x, y = [], []
    for label in range(CLASSES - 40):
        x.append(base.examples.x[base.examples.labels == label][:SHOTS])
        y += [label] * SHOTS
    for session in scenario.sessions("package", 0):
        if session.train is not None:
            x.append(session.train.x)
            y += session.train.labels.tolist()
    labels = np.array(y)
    tests, known = session.test.x.double().numpy(), session.test.labels.numpy()
    used = np.isin(known, labels)
    classes = np.unique(labels)  # numbers below 64, as emlearn takes them
    given = np.concatenate([part.double().numpy() for part in x])
    return given, np.searchsorted(classes, labels), tests[used], np.searchsorted(classes, known[used])


def described(plan: Plan) -> dict[str, Any]:
    return {
        "flash_bytes": plan.flash_bytes,
        "ram_bytes": plan.ram_bytes,
        "work": {work.name: vars(work) for work in plan.work},
    }


def memory_case() -> tuple[dict[str, Any], IntegerMemory]:
    """Fifty classes of 256 rows: sizes, instructions with DSP instructions and portable, optimised for each."""
    x, y, tests, known = fifty_classes()
    memory = Memory("digital", dim=ROWS).fit(x, y)
    whole = integer_memory(memory, capacity=CLASSES)
    row: dict[str, Any] = described(memory_plan(whole)) | accuracy.compared(
        known, memory.predict(tests), accuracy.answers(whole, tests)
    )
    macs = next(work.multiply_accumulates for work in memory_plan(whole).work if work.name == "predict")
    with tempfile.TemporaryDirectory() as folder:
        export_memory(whole, Path(folder))
        for name, flags in (("dsp", ("-O2",)), ("portable", ("-O2", "-DINSITU_PORTABLE")), ("small", ("-Os",))):
            found = measure(Path(folder), flags)
            row[name] = vars(found) | {"per_multiply_accumulate": found.instructions["predict"] / macs}
    return row, whole


def network_case(network: Any) -> dict[str, Any]:
    whole = integer_network(network, 32)
    with tempfile.TemporaryDirectory() as folder:
        export_network(whole, Path(folder))
        return described(network_plan(whole)) | vars(measure(Path(folder)))


def head_case() -> dict[str, Any]:
    scenario, learner = ClassStream(data_set="cifar10", kind="nc", experiences=5), CwrStar(learning_rate=0.04)
    base = scenario.base("package")
    first = next(iter(scenario.sessions("package", 0))).train
    assert first is not None
    state = learner.learn(learner.prepare(base, 0.0, np.random.default_rng(0)), first, 0.0, np.random.default_rng(0))
    whole = integer_head(learner, state, accuracy.STEP)
    with tempfile.TemporaryDirectory() as folder:
        export_head(whole, Path(folder))
        return described(head_plan(whole, 50)) | vars(measure(Path(folder)))


def convolutions() -> list[dict[str, Any]]:
    """Instructions of a binary convolution and of one of int8, both by the same compiler with -O2."""
    from insitu.export.folder import SOURCES

    rows = []
    for side, channels in ((8, 64), (4, 256)):
        sizes = (f"-DSIDE={side}", f"-DCHANNELS={channels}", "-O2", "-std=c99", f"-I{SOURCES}", "-Wno-unused-function")
        taps = (3 * side - 2) ** 2
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            run(COMPILER, *CORE, *LINKED, *sizes, HERE / "_device_conv.c", "-o", "m4", folder=folder)
            printed = run(EMULATOR, *BOARD, "m4", folder=folder).split()
            counts = dict(zip(printed[::2], map(int, printed[1::2]), strict=True))
            rows.append(_conv_row("cortex-m4", side, channels, counts, taps))
        if channels > 64:
            continue  # a line per instruction takes long
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            found = [_riscv(folder, sizes, which) for which in (0, 1, 2)]
            counts = {"binary": found[1] - found[0], "bytes": found[2] - found[0]}
            rows.append(_conv_row("rv32imac", side, channels, counts, taps))
    return rows


def _riscv(folder: Path, sizes: tuple[str, ...], which: int) -> int:
    """Count the instructions of a program: QEMU logs every one."""
    ours = ("-march=rv32imac", "-mabi=ilp32", "-mcmodel=medany", "--specs=picolibc.specs", "--oslib=semihost")
    places = {"__flash": 0x10000, "__flash_size": 1 << 22, "__ram": 0x1000000, "__ram_size": 1 << 22}
    layout = [f"-Wl,--defsym={name}={at:#x}" for name, at in (places | {"__stack_size": 1 << 14}).items()]
    start = HERE.parent / "tests" / "export" / "start_riscv.c"
    given = (*ours, "-nostartfiles", *layout, *sizes, f"-DWHICH={which}", start, HERE / "_device_conv.c")
    run("riscv64-unknown-elf-gcc", *given, "-o", f"rv{which}", folder=folder)
    logged = f"qemu-riscv32 -singlestep -d exec,nochain -D /dev/stdout ./rv{which} | grep -c Trace"
    return int(run("sh", "-c", logged, folder=folder))


def _conv_row(core: str, side: int, channels: int, counts: dict[str, int], taps: int) -> dict[str, Any]:
    products = taps * channels * channels
    return {
        "core": core,
        "map": f"{side}x{side}x{channels}",
        **counts,
        "ratio": counts["bytes"] / counts["binary"],
        "binary_per_product": counts["binary"] / products,
        "bytes_per_product": counts["bytes"] / products,
    }


def emlearn(python: str, whole: IntegerMemory) -> list[dict[str, Any]]:
    """Its nearest neighbours on the memory's own vectors, and on the features as codes; sizes by the same compiler."""
    x, y, tests, known = fifty_classes()
    where = run(python, "-c", "import emlearn, os; print(os.path.dirname(emlearn.__file__))", folder=HERE).strip()
    codes, queries = whole.space.codes(x), whole.space.codes(tests)
    vectors, asked = whole.space.vectors(codes), whole.space.vectors(queries)
    means = np.stack([vectors[y == label].mean(0) for label in np.unique(y)])
    cases = [
        ("5 shots, our vectors", vectors, y, asked),
        ("class means, our vectors", np.rint(means), np.unique(y), asked),
        ("5 shots, features", codes, y, queries),
    ]
    return [
        {"items": name, "neighbors": k} | _emlearn(where, items, labels, given, known, k)
        for name, items, labels, given in cases
        for k in ((1, 5) if len(items) > CLASSES else (1,))
    ]


def _emlearn(where: str, items: Any, labels: Any, queries: Any, known: Any, neighbors: int) -> dict[str, Any]:
    sizes = [f"-DITEMS={len(items)}", f"-DFEATURES={items.shape[1]}", f"-DNEIGHBORS={neighbors}", f"-I{where}"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = np.concatenate([labels[:, None], items], 1).astype("<i2").tobytes()
        (folder / "script").write_bytes(rows + queries.astype("<i2").tobytes())
        source = HERE / "_device_emlearn.c"
        run("gcc", "-O2", "-w", *sizes, source, "-lm", "-o", "knn", folder=folder)
        run("./knn", folder=folder)
        found = np.frombuffer((folder / "answers").read_bytes(), "<i2")
        run(COMPILER, *CORE, "-O2", "-w", "-ffunction-sections", *sizes, "-c", source, "-o", "knn.o", folder=folder)
        printed = run(SIZE, "-A", "knn.o", folder=folder)
    parts = [line.split() for line in printed.splitlines() if len(line.split()) == 3 and line.startswith(".")]
    code = sum(int(size) for part, size, _ in parts if part.startswith(".text") and "main" not in part)
    ram = sum(int(size) for part, size, _ in parts if part.startswith((".bss", ".data")))
    return {"accuracy": 100 * float(np.mean(found == known)), "code_bytes": code, "ram_bytes": ram}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=2000, help="images of CIFAR-10, to learn from and to test")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--quicknet", type=Path, help="a trained quicknet: its files without suffix")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "device.json")
    given = parser.parse_args()
    rival = script.interpreter("emlearn")
    memory, whole = memory_case()
    result = {
        "made": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "compiler": run(COMPILER, "--version", folder=HERE).splitlines()[0],
        "emulator": run(EMULATOR, "--version", folder=HERE).splitlines()[0],
        "memory": memory,
        "accuracy": {
            "miniimagenet sessions": accuracy.sessions("miniimagenet", 512),
            "miniimagenet sessions, 256 rows": accuracy.sessions("miniimagenet", 256),
            "omniglot sessions": accuracy.sessions("omniglot", 512),
            "digits": accuracy.digits(10),
            "watch motions, new people": accuracy.motions(20),
            "network, cifar10 class means": accuracy.network(trained.stem("binary"), given.images),
            **(
                {"quicknet, cifar10 class means": accuracy.network(given.quicknet, given.images)}
                if given.quicknet
                else {}
            ),
            "head, cifar10 new classes": accuracy.head(given.seeds),
        },
        "network": network_case(weights_file.load(trained.stem("binary")).network),
        # sizes do not depend on the weights, and instructions hardly do
        "quicknet": [network_case(freeze(Quicknet(widths).build())) | {"widths": widths} for widths in QUICKNETS],
        "head": head_case(),
        "convolutions": convolutions(),
        "emlearn": emlearn(rival, whole),
    }
    given.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
