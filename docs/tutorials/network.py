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
# # Teach a memory your own network
#
# Any torch module, any function and any ONNX file can turn your things into vectors. Here a small network learns to
# tell six handwritten digits apart; a memory then learns the other four from five examples each, on top of its last
# hidden layer. scikit-learn brings the digits, of 8 by 8 pixels; each is put somewhere into a picture of 16 by 16, so
# that pixels alone say little. The last part takes the extra `onnx`:
#
#     pip install '.[onnx]'

# %%
import tempfile
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from insitu import FunctionEncoder, Memory

digits, y = load_digits(return_X_y=True)
rng = np.random.default_rng(0)
pictures = np.zeros((len(y), 16, 16), np.uint8)
for picture, digit, (row, column) in zip(pictures, digits, rng.integers(0, 9, (len(y), 2)), strict=True):
    picture[row : row + 8, column : column + 8] = digit.reshape(8, 8) * (255 / 16)

torch.manual_seed(0)
features = nn.Sequential(
    *(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.Conv2d(64, 128, 3), nn.ReLU()),
    *(nn.AdaptiveMaxPool2d(1), nn.Flatten()),
)
head = nn.Linear(128, 6)
old = np.flatnonzero(y < 6)
images = torch.from_numpy(pictures[old]).float()[:, None].expand(-1, 3, -1, -1) / 255
optimizer = torch.optim.Adam([*features.parameters(), *head.parameters()], 2e-3)
for epoch in range(6):
    for batch in torch.randperm(len(old)).split(64):
        loss = nn.functional.cross_entropy(head(features(images[batch])), torch.from_numpy(y[old[batch]]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.3f}")

# %% [markdown]
# ## A torch module
#
# `FunctionEncoder` says what the module takes. Of pictures, the middle is scaled to `size`, and the module gets float32
# of shape (n, 3, size, size): pixels less `mean`, divided by `std`. The memory calls it in evaluation mode.

# %%
encoder = FunctionEncoder(features, "digits", kind="images", size=16, mean=(0.0,), std=(255.0,))
new = np.flatnonzero(y > 5)
support = np.concatenate([new[y[new] == digit][:5] for digit in (6, 7, 8, 9)])  # five pictures of each new digit
test = np.setdiff1d(new, support)

memory = Memory(encoder=encoder).fit(pictures[support], y[support])
flat = pictures.reshape(len(y), -1)
pixels = Memory().fit(flat[support], y[support])
print("vectors:", memory.encode(pictures[:3]).shape)
print("four new digits, five shots:", round(memory.score(pictures[test], y[test]), 3))
print("the same from plain pixels:", round(pixels.score(flat[test], y[test]), 3))

# %% [markdown]
# One split of one small set of digits: this shows how it works, not how well. On the vectors of a network trained on
# miniImageNet, ten new classes from five examples each, a phase-change array reaches 58.7 % and the best of
# scikit-learn's classifiers 57.8 % (`bench/memory_accuracy.py`, 20 draws).
#
# ## In a file
#
# A memory in a file keeps a digest of the weights. The module itself is not stored, and is given again at each opening;
# with other weights, vectors could not be compared, so that they are refused.

# %%
from insitu.core import InsituError

folder = Path(tempfile.mkdtemp())
with Memory.open(folder / "digits.insitu", encoder=encoder) as kept:
    kept.fit(pictures[support], y[support])
with Memory.open(folder / "digits.insitu", encoder=encoder, readonly=True) as again:
    print("opened again:", again.predict(pictures[test[:5]]), "true:", y[test[:5]])

before = {name: value.clone() for name, value in features.state_dict().items()}
with torch.no_grad():
    features[0].weight.mul_(1.5)
try:
    with Memory.open(folder / "digits.insitu", encoder=encoder, readonly=True) as again:
        again.predict(pictures[test[:5]])
except InsituError as error:
    print("refused:", error)
_ = features.load_state_dict(before)

# %% [markdown]
# ## As an ONNX file
#
# An ONNX file needs neither the code of the network nor torch's module, so that the command line and the service can
# use it. torch exports it with the packages `onnx` and `onnxscript`. `external_data=False` keeps the weights inside the
# file, which insitu requires; the first dimension is left open.

# %%
import logging
import warnings

logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it misses torchvision, which nothing here needs
with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)  # of torch about itself
    torch.onnx.export(
        features.eval(),
        (torch.zeros(2, 3, 16, 16),),
        folder / "digits.onnx",
        dynamic_shapes=({0: torch.export.Dim("n")},),
        external_data=False,
        verbose=False,
    )

from insitu import Onnx

onnx = Onnx(folder / "digits.onnx", mean=(0.0,), std=(255.0,))
print(onnx.takes, "->", onnx.dim, "numbers, digest", onnx.digest())
difference = np.abs(onnx.encode(list(pictures[:50])) - encoder.encode(list(pictures[:50]))).max()
print("largest difference from the module:", f"{difference:.0e}")

exported = Memory(encoder=onnx).fit(pictures[support], y[support])
print("four new digits, five shots:", round(exported.score(pictures[test], y[test]), 3))

# %% [markdown]
# Layout and size of the input are read from the model, and so is the scale of pixels where its metadata say
# (`Image.NominalPixelRange`); otherwise give `mean` and `std`, as here, or pixels are scaled to 0 to 1.
#
# Next: [encoders](../encoders.md) says what a model must look like and how to add an encoder in one file,
# [photos](photos.py) shows the same from the command line.
