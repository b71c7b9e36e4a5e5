"""The rival's side of the CWR* benchmark: Avalanche's ``CWRStar``. Runs in an environment that holds avalanche-lib.

Settings are in the rival's favour: no evaluator and no logger, no worker processes, a head without a bias, one thread.
``second_batched`` hands it mini-batches made beforehand, so that its data loader, which asks for examples one by one,
does not count; ``second_plain`` is the same step in plain PyTorch without Avalanche.
"""

from __future__ import annotations

import platform
import warnings
from importlib.metadata import version
from typing import Any

import torch

from _cwr_stream import BATCH, CLASSES, EPOCHS, FEATURES, FIRST_EPOCHS, RATE, parts
from _stand_ins import stand_in
from rounds import THREADS, serve

# its imports warn of optional parts that are not there
warnings.simplefilter("ignore")
stand_in("torchvision", "wandb", "tensorboard", "google", "quadprog")

from avalanche.benchmarks import benchmark_from_datasets  # noqa: E402
from avalanche.benchmarks.utils import as_classification_dataset  # noqa: E402
from avalanche.training.supervised import CWRStar  # noqa: E402
from torch.utils.data import TensorDataset  # noqa: E402

torch.set_num_threads(THREADS)


class Head(torch.nn.Module):
    """A linear layer by the name the strategy asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.classifier = torch.nn.Linear(FEATURES, CLASSES, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(x)


class Batched(CWRStar):
    """The strategy with mini-batches made of tensors ``given`` beforehand, drawn anew for each experience."""

    given: tuple[torch.Tensor, torch.Tensor]

    def make_train_dataloader(self, **_: Any) -> None:
        x, labels = self.given
        tasks = torch.zeros(len(labels), dtype=torch.int64)
        order = torch.randperm(len(labels)).split(BATCH)
        self.dataloader = [[x[rows], labels[rows], tasks[rows]] for rows in order]


def dataset(x: Any, labels: Any) -> Any:
    data = TensorDataset(torch.from_numpy(x), torch.from_numpy(labels))
    data.targets = labels.tolist()
    return as_classification_dataset(data)


def stream(experiences: list[Any]) -> Any:
    return benchmark_from_datasets(train=[dataset(*part) for part in experiences]).train_stream


def strategy(kind: type[CWRStar]) -> CWRStar:
    """Return it as ours begins: Adam and more epochs in the first experience."""
    head = Head()
    return kind(
        model=head,
        optimizer=torch.optim.Adam(head.parameters(), lr=RATE),
        criterion=torch.nn.CrossEntropyLoss(),
        cwr_layer_name="classifier",
        train_mb_size=BATCH,
        train_epochs=FIRST_EPOCHS,
        evaluator=None,
    )


def learn(learner: CWRStar, experience: Any, part: Any) -> None:
    learner.given = torch.from_numpy(part[0]), torch.from_numpy(part[1])
    learner.train(experience, num_workers=0)


def descend(learner: CWRStar) -> None:
    """Go on as ours does after the first experience."""
    learner.optimizer = torch.optim.SGD(learner.model.parameters(), lr=RATE)
    learner.train_epochs = EPOCHS


EXPERIENCES, _ = parts("nc", 0)
FIRST, SECOND = list(stream(EXPERIENCES))[:2]
LEARNERS = {kind: strategy(kind) for kind in (CWRStar, Batched)}
for one in LEARNERS.values():
    learn(one, FIRST, EXPERIENCES[0])
    descend(one)
PLAIN = Head()
X, Y = torch.from_numpy(EXPERIENCES[1][0]), torch.from_numpy(EXPERIENCES[1][1])


def second(kind: type[CWRStar]) -> int:
    """Learn the second experience; return the number of mini-batches."""
    learn(LEARNERS[kind], SECOND, EXPERIENCES[1])
    return EPOCHS * -(-len(X) // BATCH)


def plain() -> int:
    optimiser, loss = torch.optim.SGD(PLAIN.parameters(), lr=RATE), torch.nn.CrossEntropyLoss()
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(X)).split(BATCH):
            optimiser.zero_grad()
            loss(PLAIN(X[rows]), Y[rows]).backward()
            optimiser.step()
    return EPOCHS * -(-len(X) // BATCH)


def accuracy(name: str, seed: int) -> float:
    """Return the final accuracy in percent; batches are made beforehand, which changes their order only."""
    torch.manual_seed(seed)
    experiences, (x, labels) = parts(name, seed)
    learner = strategy(Batched)
    for experience, part in zip(stream(experiences), experiences, strict=True):
        learn(learner, experience, part)
        if part is experiences[0]:
            descend(learner)
    with torch.no_grad():
        guess = learner.model(torch.from_numpy(x)).argmax(1).numpy()
    return 100 * float((guess == labels).mean())


if __name__ == "__main__":
    facts = {"avalanche-lib": version("avalanche-lib"), "torch": torch.__version__, "python": platform.python_version()}
    serve(
        {
            "second": lambda: second(CWRStar),
            "second_batched": lambda: second(Batched),
            "second_plain": plain,
            "accuracy": accuracy,
        },
        facts,
    )
