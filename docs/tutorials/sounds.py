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
# # Teach a memory your own sounds
#
# Three recordings of each sound are enough to begin with. The sounds here are synthesised, so that this page needs no
# data; with a microphone, everything below is the same: WAV files of any rate, a folder per class. It takes the extra
# `sound`:
#
#     pip install '.[sound]'
#
# Its encoder, `wakeword`, is Google's speech embedding, which was trained on keywords in English speech: 192 numbers
# for a recording.

# %%
import os
import tempfile
import wave
from pathlib import Path

import numpy as np
from IPython.display import Audio, display

os.chdir(tempfile.mkdtemp())
RATE = 16_000  # samples per second


def tone(frequency, seconds, fade=8.0):
    """Return a tone with one overtone that dies away."""
    time = np.arange(int(RATE * seconds)) / RATE
    wave_form = np.sin(2 * np.pi * frequency * time) + 0.4 * np.sin(4 * np.pi * frequency * time)
    return wave_form * np.exp(-fade * time)


def doorbell(rng):
    high = rng.uniform(620, 700)
    return np.concatenate([tone(high, 0.45, 4), tone(high * 0.8, 0.7, 4)])


def alarm(rng):
    beep = np.concatenate([tone(rng.uniform(2800, 3200), 0.12, 1), np.zeros(int(RATE * 0.1))])
    return np.tile(beep, 5)


def knock(rng):
    hit = rng.standard_normal(int(RATE * 0.25)) * np.exp(-60 * np.arange(int(RATE * 0.25)) / RATE)
    return np.tile(hit, int(rng.integers(3, 5)))


def siren(rng):
    pitch = 700 + 300 * np.sin(2 * np.pi * rng.uniform(0.9, 1.2) * np.arange(int(RATE * 1.3)) / RATE)
    return np.sin(2 * np.pi * np.cumsum(pitch) / RATE)


SOUNDS = {"alarm": alarm, "doorbell": doorbell, "knock": knock}


def record(file, sound, number):
    """Write a recording: another loudness, start and background for every number."""
    rng = np.random.default_rng(number)
    x = sound(rng)
    x = np.concatenate([np.zeros(int(RATE * rng.uniform(0.05, 0.3))), x / np.abs(x).max() * rng.uniform(0.3, 0.8)])
    x = x + 0.004 * rng.standard_normal(len(x))
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(np.int16(x.clip(-1, 1) * 32767).tobytes())


for place, (name, sound) in enumerate({**SOUNDS, "siren": siren}.items()):
    for number in range(3):
        record(f"sounds/{name}/{number}.wav", sound, 100 * place + number)
    for number in range(10):
        record(f"new/{name}/{number}.wav", sound, 100 * place + 50 + number)
    print(name)
    display(Audio(f"sounds/{name}/0.wav"))

# %% [markdown]
# ## Teach and ask
#
# A memory takes file names, samples, and pairs of rate and samples. The siren is not taught yet.

# %%
from insitu import Memory


def files(folder, name):
    return sorted(Path(folder, name).iterdir())


memory = Memory.open("sounds.insitu", encoder="wakeword", unknown="unknown")
for name in SOUNDS:
    memory.partial_fit(files("sounds", name), [name] * 3)
for name in (*SOUNDS, "siren"):
    answers, counts = np.unique(memory.predict(files("new", name)), return_counts=True)
    print(f"{name:9}", dict(zip(answers.tolist(), counts.tolist(), strict=True)))

# %% [markdown]
# An answer is `unknown` where a recording is less familiar than 5 % of those taught, each compared with the others of
# its class. From three recordings a class, that is a rough estimate; it gets better with every example.
#
# ## One more sound, at any time

# %%
memory.partial_fit(files("sounds", "siren"), ["siren"] * 3)
memory.age(30 * 86_400)
for name in memory.classes_:
    recordings = files("new", name)
    print(f"{name:9}", "right:", int((memory.predict(recordings) == name).sum()), "of", len(recordings))
memory.close()

# %% [markdown]
# ## Your own
#
# From the command line, on the same file:
#
#     insitu teach sounds.insitu sounds/ --encoder wakeword
#     insitu predict sounds.insitu new/siren/*.wav
#     insitu run own-folder --scenario.path sounds --scenario.encoder wakeword
#
# The last one measures how well it will work on your recordings, next to scikit-learn's classifiers: synthesised sounds
# as different as these say nothing about it. No figure with this encoder is published here. For spoken digits as MFCC,
# the course of a word and five examples of each, a phase-change array recognises 53.7 % of those of speakers that it
# has not learned from, the best of scikit-learn's classifiers tried 51.6 % (`bench/memory_accuracy.py`, 20 draws).
# Teach it your own voice.
#
# Next: [encoders](../encoders.md) says what recordings are taken, [your own things](../own-things.md) what the commands
# do.
