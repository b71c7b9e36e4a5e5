"""Methods of a memory that query it, and what that and learning cost. None changes it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from insitu.ledger import Ledger
from insitu.memory import inputs
from insitu.memory.familiarity import check_unknown
from insitu.memory.labels import Label
from insitu.memory.model import Model
from insitu.memory.query import QueryResult, query, self_test
from insitu.memory.settings import Settings

if TYPE_CHECKING:
    from insitu.memory.estimator import Memory


class Querying(ABC):
    """Predictions with the conventions of scikit-learn, from one read of the array per call."""

    random_state: int | np.random.RandomState | None
    unknown: Label | None
    unknown_rate: float
    _model: Model | None

    @property
    @abstractmethod
    def settings(self) -> Settings:
        """Checked settings of the memory."""

    @abstractmethod
    def _fitted(self) -> Model: ...

    @property
    def vector_length(self) -> int | None:
        """Numbers of the vectors that are compared, None before the first example."""
        return None if self._model is None else self._model.features

    def encode(self, X: Any) -> NDArray[np.float64]:
        """Return the vectors (n, features) of X that the memory compares; without an encoder, X itself."""
        settings = self.settings
        x, _ = inputs.validate_queries(cast("Memory", self), X, reset=self._model is None)
        return settings.vectors(x)

    def query(self, X: ArrayLike, *, familiarity: bool = False) -> QueryResult:
        """Return similarities, probabilities, predictions (and familiarity) of rows of X from one read of the array."""
        model, settings = self._fitted(), self.settings
        x, _ = inputs.validate_queries(cast("Memory", self), X)
        settings.check_encoder(model.encoder)
        unknown = check_unknown(self.unknown, self.unknown_rate, model.numbers)
        return query(settings, model, settings.vectors(x), self.random_state is not None, unknown, familiarity)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the label (n,) of the most similar class for each row of X, or ``unknown``."""
        return self.query(X).predictions

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return probabilities (n, classes), in the order of ``classes_``: the softmax of scaled similarities.

        The scale maximises the leave-one-out likelihood of the stored examples. With ``unknown``, probabilities
        approach 1 / classes as the familiarity falls from ``unknown_rate`` to 0.
        """
        return self.query(X).probabilities

    def familiarity(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the share (n,) of left-out known examples no closer to their class; 1 where none can be left out."""
        return np.asarray(self.query(X, familiarity=True).familiarity)

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return similarities (n, classes), in the order of ``classes_``; for two classes, their difference (n,).

        They are cosines to the classes, corrected for few examples, so that they may exceed 1.
        """
        scores = self.query(X).similarities
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    def self_test(self) -> tuple[QueryResult, NDArray[Any]]:
        """Return the query result for the stored examples (512 at most), and their labels (n,)."""
        return self_test(self.settings, self._fitted(), self.random_state is not None)

    def cost(self) -> Ledger:
        """Return the pulses, RESETs and programming operations spent on learning so far."""
        state = self._fitted().state
        return Ledger() if state is None else self.settings.learner().cost(state)

    def query_cost(self) -> Ledger:
        """Return the cost of one prediction."""
        state = self._fitted().state
        return Ledger() if state is None else self.settings.learner().query_cost(state)
