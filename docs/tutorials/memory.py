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
# # Teach a memory your own vectors
#
# `insitu.Memory` is a few-shot classifier with scikit-learn's conventions. It stores each class as one column of a
# simulated phase-change crossbar. Here it learns handwritten digits as plain vectors of 64 pixels; any table of numbers
# works the same way.

# %%
import numpy as np
from sklearn.datasets import load_digits

from insitu import Memory

x, y = load_digits(return_X_y=True)
x_test, y_test = x[1000:], y[1000:]
support = np.concatenate([np.flatnonzero(y[:500] == digit)[:5] for digit in range(10)])  # five examples per class
x_support, y_support = x[support], y[support]

# %% [markdown]
# ## Learn a few classes, then more
#
# `fit` starts from nothing. `partial_fit` adds examples of new or known classes at any time and does not revisit the
# earlier examples.

# %%
memory = Memory(random_state=0)
first = y_support < 5
memory.fit(x_support[first], y_support[first])
print("classes:", memory.classes_, "accuracy on them:", round(memory.score(x_test[y_test < 5], y_test[y_test < 5]), 3))

memory.partial_fit(x_support[~first], y_support[~first])
print("classes:", memory.classes_, "accuracy on all:", round(memory.score(x_test, y_test), 3))

# %% [markdown]
# The same vectors in float, for comparison: `"digital"` is a substrate of exact numbers.

# %%
exact = Memory("digital", random_state=0).fit(x_support, y_support)
print("float:", round(exact.score(x_test, y_test), 3))

# %% [markdown]
# ## Probabilities
#
# `predict_proba` is calibrated on the examples that the memory keeps.

# %%
probabilities = memory.predict_proba(x_test[:3])
for row, label in zip(probabilities, y_test[:3], strict=True):
    best = row.argsort()[::-1][:2]
    print(f"true {label}:", ", ".join(f"{memory.classes_[i]} with {row[i]:.2f}" for i in best))

# %% [markdown]
# ## Time and forgetting
#
# Conductances drift. `age` lets simulated time pass; drift is compensated per column unless you say otherwise.
# `forget` resets the column of a class.

# %%
memory.age(10 * 365 * 86_400)
print("ten years later:", round(memory.score(x_test, y_test), 3))
memory.forget(3)
print("classes:", memory.classes_)
print("spent so far:", dict(memory.cost().counts))

# %% [markdown]
# ## Keep it in a file
#
# A memory in a file is durable: an event is acknowledged once it is on disk.

# %%
import tempfile
from pathlib import Path

path = Path(tempfile.mkdtemp()) / "digits.insitu"
with Memory.open(path, random_state=0) as kept:
    kept.fit(x_support, y_support)
with Memory.open(path) as again:
    print("read back:", again.classes_, round(again.score(x_test, y_test), 3))

# %% [markdown]
# Next: [memory](../memory.md) describes every method and what is stored; [service and page](../serve.md) serves the
# same file over HTTP.
