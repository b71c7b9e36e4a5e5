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
# # Teach a memory your own motions
#
# A watch or a sensor on a machine gives series: samples by channels. Windows of a few seconds become vectors of
# statistics and spectra (encoder `windows`, part of insitu), and a memory learns each motion from five windows. The
# accelerations here are made up, so that this page needs no data: four motions, three channels, 50 samples a second,
# and for every person another pace, strength and way to wear the watch.

# %%
import matplotlib.pyplot as plt
import numpy as np

from insitu import Memory

RATE, SECONDS = 50, 5
MOTIONS = {  # cycles per second; strength of each harmonic of the pace, along three axes, in g
    "walk": (1.8, [(0.30, 0.15, 0.05), (0.12, 0.05, 0.03)]),
    "run": (2.7, [(0.95, 0.35, 0.15), (0.30, 0.20, 0.10)]),
    "row": (0.5, [(0.20, 0.55, 0.10), (0.05, 0.20, 0.05)]),
    "still": (0.25, [(0.01, 0.01, 0.01), (0.0, 0.0, 0.0)]),
    "jump": (1.3, [(0.1, 0.1, 1.2), (0.1, 0.1, 0.9), (0.1, 0.1, 0.6)]),
}


def person(number):
    """Return the pace, the strength and the orientation of the watch of a person."""
    rng = np.random.default_rng(number)
    tilt = np.linalg.qr(np.eye(3) + 0.12 * rng.standard_normal((3, 3)))[0]
    return rng.uniform(0.85, 1.15), rng.uniform(0.8, 1.25), tilt * np.sign(np.diag(tilt))


def windows(motion, who, count):
    """Return windows (count, samples, channels) of a motion of a person, in g."""
    (pace, strength, tilt), (cycles, harmonics) = person(who), MOTIONS[motion]
    rng = np.random.default_rng([who, list(MOTIONS).index(motion)])
    time = np.arange(RATE * SECONDS) / RATE
    out = []
    for _ in range(count):
        at = 2 * np.pi * cycles * pace * rng.uniform(0.95, 1.05)
        x = sum(
            np.array(size) * np.sin(at * order * time[:, None] + rng.uniform(0, 2 * np.pi, 3))
            for order, size in enumerate(harmonics, 1)
        )
        out.append((strength * x + [0, 0, 1] + 0.03 * rng.standard_normal(x.shape)) @ tilt)
    return np.array(out)


fig, axes = plt.subplots(1, len(MOTIONS), figsize=(9, 1.8), sharey=True)
for cell, motion in zip(axes, MOTIONS, strict=True):
    cell.plot(windows(motion, 0, 1)[0], linewidth=0.8)
    cell.set_title(motion)
    cell.set_xticks([])

# %% [markdown]
# ## Five windows of each, from one person
#
# The fifth motion, jumping, is left for later. A window has of each of its channels the mean, the spread and the share
# of eight frequency bands, and the correlations of channels: 33 numbers.

# %%
first = [motion for motion in MOTIONS if motion != "jump"]
labels = np.repeat(first, 5)
memory = Memory(encoder="windows", unknown="unknown")
memory.fit(np.concatenate([windows(motion, 0, 5) for motion in first]), labels)


def score(who):
    """Return the accuracy on new windows of a person."""
    found = [(memory.predict(windows(motion, who, 25)[5:]) == motion).mean() for motion in memory.classes_]
    return round(float(np.mean(found)), 2)


print("numbers of a window:", memory.encode(windows("walk", 0, 1)).shape[1])
print("the same person:", score(0))
print("a new person:", [score(who) for who in (6, 7, 8)])

# %% [markdown]
# Here an answer `unknown` counts as wrong. A new person moves in another way than the one known so far, so that most of
# those windows are less familiar than 5 % of the windows taught. Four windows of each motion from two more people help:

# %%
for who in (1, 2):
    memory.partial_fit(np.concatenate([windows(motion, who, 4) for motion in first]), np.repeat(first, 4))
print("a new person:", [score(who) for who in (6, 7, 8)])

# %% [markdown]
# ## A motion that it does not know
#
# Jumping was not taught. Then it is, from five windows, without teaching the others again.

# %%
print("before:", memory.predict(windows("jump", 0, 4)))
memory.partial_fit(windows("jump", 0, 9)[4:], ["jump"] * 5)
print("after:", memory.predict(windows("jump", 0, 4)))
memory.age(365 * 86_400)
print("a year later, the same person:", score(0))

# %% [markdown]
# ## Your own
#
# Series of one recording are cut into windows that do not overlap; those to learn and those to test come from
# different recordings, or the figures flatter. A CSV file per window, a row per sample and a column per channel, in a
# folder per motion:
#
#     insitu teach motions.insitu windows/ --encoder windows
#     insitu predict motions.insitu new/*.csv
#     insitu run own-folder --scenario.path windows --scenario.encoder windows
#
# Measured on real motions (`bench/memory_accuracy.py`: seven exercises recorded by watches, windows of 5 s, five each,
# 20 draws), a phase-change array recognises 96.0 % within a person and 77.6 % of people it has not learned from; the
# best of scikit-learn's classifiers tried, linear discriminant analysis, 96.7 % and 78.3 %. Gestures and words, which
# have a beginning and an end, take `Windows(segments=10)`, which describes their course.
#
# Next: [encoders](../encoders.md), [unknown things](../memory.md#unknown-things).
