"""How much accuracy one bit costs: a binary backbone against its float twin, joint linear head on CIFAR-10.

The binary side is the checkpoint that the shipped backbone was frozen from, or is trained anew. The twin has the same
shape and is trained by the same recipe on the same images, with ReLU in place of signs and float weights. One
logistic regression is fitted on the features of all CIFAR-10 training images. Its strength of regularisation is
chosen on a tenth of the training images that is held out; the test is looked at once. Needs the images (INSITU_DATA);
training the twin takes about an hour on two cores and resumes where it was stopped.

    python bench/binary_accuracy.py
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from insitu.backbones.inputs import to_batch
from insitu.core import cache_folder, generator, write_whole
from insitu.data import Images
from insitu.data.cifar10 import Cifar10
from insitu.report import environment
from insitu.training import loop
from insitu.training.backbone_jobs import base_part
from insitu.training.binary import JOB
from insitu.training.pretrain import Pretraining

OUT = Path(__file__).parent / "results" / "binary_accuracy.json"
STRENGTHS = (0.001, 0.01, 0.1)  # C of scikit-learn
BATCH = 250


def trained(binary: bool, folder: str) -> nn.Module:
    """Return the network after the recipe, from its checkpoint where there is one."""
    network = replace(JOB.backbone, binary=binary).build(JOB.pretrain.seed)  # type: ignore[arg-type]
    file = cache_folder() / "training" / folder / "checkpoints" / "pretrain.pt"
    for progress in loop.run(Pretraining(JOB.pretrain, network, base_part(JOB.data_set.read(), JOB)), file):
        print(f"{folder}: {progress}", flush=True)
    return network.eval()


def features(network: nn.Module, images: Images) -> NDArray[np.float32]:
    """Return features (n, 512) of images at the size of the job."""
    parts = []
    with torch.inference_mode():
        for start in range(0, len(images), BATCH):
            batch = to_batch(images.pixels[start : start + BATCH], JOB.image_size)
            parts.append(network.features(batch).numpy())  # type: ignore[operator]
    return np.concatenate(parts)


def joint_head(network: nn.Module, train: Images, test: Images) -> dict[str, float]:
    """Return test accuracy in percent of a linear head on all training images, and what was chosen."""
    x, labels = features(network, train), train.labels
    held = generator(0, "held out").permutation(len(x)) < len(x) // 10

    def fit(strength: float, rows: NDArray[np.bool_]) -> LogisticRegression:
        return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=300)).fit(x[rows], labels[rows])

    scores = {strength: fit(strength, ~held).score(x[held], labels[held]) for strength in STRENGTHS}
    best = max(scores, key=lambda strength: scores[strength])
    accuracy = fit(best, np.ones(len(x), bool)).score(features(network, test), test.labels)
    return {"accuracy": round(100 * accuracy, 2), "held_out": round(100 * scores[best], 2), "C": best}


def main() -> None:
    """Train what is missing, measure both, write the result."""
    data = Cifar10().read()
    train, test = data.base()
    result = {
        name: joint_head(trained(binary, folder), train, test)
        for name, binary, folder in (("binary", True, "binary"), ("float twin", False, "binary-float-twin"))
    }
    lost = round(result["float twin"]["accuracy"] - result["binary"]["accuracy"], 2)
    report = {
        "what": __doc__.partition("\n")[0] if __doc__ else "",
        "data": f"CIFAR-10; {data.verified}",
        "recipe": asdict(JOB.pretrain),
        "result": result,
        "points_lost": lost,
        "wanted_at_most": 10.0,
        "machine": environment.machine(),
        "date": date.today().isoformat(),
    }
    write_whole(OUT, lambda path: path.write_text(json.dumps(report, indent=2) + "\n"))
    print(json.dumps(result, indent=2), f"\n{lost} points lost", sep="")


if __name__ == "__main__":
    main()
