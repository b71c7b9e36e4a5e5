# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # From motions to a board
#
# A memory learns three motions here, goes to a microcontroller as C, learns a fourth motion there, and brings it back.
# The board is emulated: QEMU's mps2-an386 with a Cortex-M4 (Debian: `qemu-system-arm`, `gcc-arm-none-eabi` and
# `picolibc-arm-none-eabi`; and `pip install '.[device]'` for the serial port). Motions are made up, as in
# [the tutorial on motions](motions.py).

# %%
import os
import re
import shutil
import subprocess
import tempfile

import numpy as np

from insitu import Memory

os.chdir(tempfile.mkdtemp())
READY = all(map(shutil.which, ("make", "arm-none-eabi-gcc", "qemu-system-arm")))
RATE, SECONDS = 50, 5
MOTIONS = {  # cycles per second; strength along three axes, in g
    "walk": (1.8, (0.30, 0.15, 0.05)),
    "run": (2.7, (0.95, 0.35, 0.15)),
    "row": (0.5, (0.20, 0.55, 0.10)),
    "jump": (1.3, (0.10, 0.10, 1.20)),
}
rng = np.random.default_rng(0)


def windows(motion, count):
    """Return windows (count, samples, channels) of a motion, in g."""
    cycles, strength = MOTIONS[motion]
    time = np.arange(RATE * SECONDS)[:, None] / RATE
    phases = 2 * np.pi * rng.uniform(0.9, 1.1, (count, 1, 1)) * cycles * time + rng.uniform(0, 2 * np.pi, (count, 1, 3))
    sizes = rng.uniform(0.8, 1.25, (count, 1, 1)) * np.array(strength)
    return sizes * np.sin(phases) + [0, 0, 1] + 0.05 * rng.standard_normal(phases.shape)


def sh(command):
    """Run a shell command and print its output."""
    print(subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout.rstrip())


# %% [markdown]
# ## Three motions, five windows each
#
# The encoder `windows` turns a window into statistics and spectra of its channels, 33 numbers.

# %%
first = ["walk", "run", "row"]
with Memory.open("motions.insitu", substrate="digital", encoder="windows", dim=128) as memory:
    memory.fit(np.concatenate([windows(motion, 5) for motion in first]), np.repeat(first, 5))
    print(memory.predict(np.concatenate([windows(motion, 2) for motion in first])))

# %% [markdown]
# ## The memory as C
#
# There is room for eight motions; `--activations` says that the board gets the 33 numbers, not samples: those are
# computed by a few lines of its own firmware, and here by Python. What it takes is counted on an emulated Cortex-M4.

# %%
sh("insitu export c motions.insitu firmware --capacity 8 --activations" + " --plan" * READY)

# %% [markdown]
# ## The board is taught
#
# The exported folder has firmware for the emulated board. It is started with its serial port at a pseudo-terminal; on
# a board of yours that is `/dev/ttyACM0` or `COM3`.

# %%
if READY:
    sh("make -s -C firmware firmware.elf")
    machine = "qemu-system-arm -M mps2-an386 -nographic -monitor none -serial pty -kernel firmware/firmware.elf"
    board = subprocess.Popen(
        machine.split(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    PORT = re.search(r"/dev/\S+", board.stdout.readline())[0]
    for number, window in enumerate(windows("jump", 5)):
        np.save(f"jump{number}.npy", window)
    np.save("new.npy", windows("jump", 1)[0])
    sh(f"insitu device teach {PORT} jump jump?.npy --memory motions.insitu")
    sh(f"insitu device predict {PORT} new.npy --memory motions.insitu")
    sh(f"insitu device info {PORT}")
else:
    print("QEMU or the compiler for Arm is not installed here")

# %% [markdown]
# ## And Python knows the new motion
#
# `pull` teaches the memory what the board is ahead by. The memory here could as well be one on simulated phase-change
# devices: what comes back are classes, not bits.

# %%
if READY:
    sh(f"insitu device pull {PORT} motions.insitu")
    with Memory.open("motions.insitu") as memory:
        print(memory.predict(windows("jump", 4)), memory.class_count_)
        on_devices = Memory(encoder="windows", dim=128).merge(memory)
        print(on_devices.settings.substrate.device.__class__.__name__, on_devices.predict(windows("jump", 4)))
    board.terminate()
    board.wait()

# %% [markdown]
# [A board you can talk to](../board.md) has the protocol and what to change for a board of yours; [On the
# device](../device.md) the arithmetic, sizes and limits.
