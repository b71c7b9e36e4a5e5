"""The memory as a scikit-learn classifier: taught a few examples at any time, in devices that age.

What it knows is one value (``_nouns.Model``), replaced by every verb and by none that only asks; a memory that was
opened from a file replaces it only after the file has it too. A verb that is refused changes nothing.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from insitu.core import InsituError
from insitu.ledger import Ledger
from insitu.memory import inputs
from insitu.memory.event import Event, apply, merging, teaching
from insitu.memory.labels import alike, array_of, label_of, labels_of
from insitu.memory.locks import turn_of
from insitu.memory.model import Model, check_mergeable, experience
from insitu.memory.query import Columns, Recall, columns, recalled
from insitu.memory.seed import drawn
from insitu.memory.settings import Settings, settings_of
from insitu.substrates import Substrate

if TYPE_CHECKING:
    from insitu.memory.storage.store import Store


class Memory(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn carries no types
    """Few-shot classifier on a simulated substrate, with the conventions of scikit-learn.

    Parameters: ``substrate`` holds the classes: a record, the name of a substrate, or that of a device for a crossbar
    of it (None: phase-change crossbar, drift compensated per column). ``backbone`` is the name of a shipped network
    ("omniglot", "miniimagenet") where X is images. ``dim`` is the number of rows of the array, one per component.
    ``random_state`` seeds writing and read noise: equal seeds give equal answers; with None, each reading draws anew.

    X is (n, features) of finite numbers; with a backbone, images (n, h, w) or (n, h, w, c), uint8. Labels are strings,
    integers, floats or booleans, all of one kind. Attributes: ``classes_`` (sorted), ``class_count_`` (examples of
    each), ``events_`` (since it was last fitted), ``now_s_`` (its clock in seconds), ``n_features_in_`` (of vectors).
    """

    def __init__(
        self,
        substrate: Substrate | str | None = None,
        *,
        backbone: str | None = None,
        dim: int = 512,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.substrate = substrate
        self.backbone = backbone
        self.dim = dim
        self.random_state = random_state

    @classmethod
    def open(cls, path: str | Path, *, readonly: bool = False, who: str | None = None, **parameters: Any) -> Memory:
        """Return the memory kept in the SQLite file at ``path``, made with ``parameters`` where there is none yet.

        What a verb has returned from is in the file for good. One process writes at a time; any number read
        (``readonly=True``: what was there when it was opened). ``who`` is noted beside what is taught (default: the
        user's name). Close it, or use it in a ``with`` statement. Raises ``InsituError`` where the file is damaged,
        held by another writer, not writable, or made with other parameters.
        """
        from insitu.memory.storage.store import Store

        return _bound(cls, Store.open(path, parameters, readonly, who))

    # -- teaching ----------------------------------------------------------------------------------------------------

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Forget everything and learn examples X with labels y (n,). Returns self."""
        with self._busy():
            x, names, labels = inputs.examples(self, X, y, reset=True)
            return self._happened(teaching("fit", labels, x, names))

    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Learn examples X with labels y (n,) besides what is known; labels may be new. Returns self.

        ``classes`` need not be given; where it is, every label is one of them.
        """
        with self._busy():
            known = self._model.labels if self._knows else []
            x, names, labels = inputs.examples(self, X, y, reset=not self._knows)
            alike(known, labels)
            if classes is not None:
                inputs.check_allowed(labels, classes)
            return self._happened(teaching("learn", labels, x, names))

    def forget(self, label: object) -> Self:
        """Forget the class ``label``: its column is RESET. Raises ``InsituError`` where it is not known."""
        check_is_fitted(self)
        with self._busy():
            return self._happened(Event("forget", [label_of(label, self._model.labels)]))

    def merge(self, other: Memory) -> Self:
        """Learn what ``other`` knows too, as if both had been taught here; ``other`` stays as it is. Returns self.

        Both take the same kind of X. Substrates may differ: what was taught moves, not the devices.
        """
        if not isinstance(other, Memory):
            raise InsituError(f"a memory merges with a Memory; got {type(other).__name__}")
        check_is_fitted(other)
        taken = other._model
        with self._busy():
            mine, its = (memory.settings.backbone for memory in (self, other))
            if mine != its:
                raise InsituError(f"memories merge that have the same backbone; got {mine} and {its}")
            check_mergeable(self._model if self._knows else None, taken)
            return self._happened(merging(experience(taken)))

    def age(self, seconds: float | timedelta) -> Self:
        """Let time pass, 1e10 s at most in all: devices drift. Time does not run backwards. Returns self."""
        check_is_fitted(self)
        with self._busy():
            return self._happened(Event("age", [], seconds=inputs.duration(seconds, self._model.now_s)))

    # -- asking ------------------------------------------------------------------------------------------------------

    def recall(self, X: ArrayLike) -> Recall:
        """Return what the memory answers to each row of X: similarities and probabilities, of one reading."""
        check_is_fitted(self)
        model = self._model
        x, _ = inputs.queries(self, X)
        self.settings.check_encoder(model.encoder)
        return recalled(self.settings, model, self.settings.vectors(x), self.random_state is not None)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the label (n,) of the most similar class for each row of X."""
        return self.recall(X).answers

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return probabilities (n, classes), in the order of ``classes_``: the softmax of sharpened similarities.

        The sharpness is that at which examples kept, each left out in turn, are most likely of their own class.
        """
        return self.recall(X).probabilities

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return similarities (n, classes), in the order of ``classes_``; of two classes, the difference (n,)."""
        scores = self.recall(X).similarities
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the share of rows of X whose label in y (n,) is predicted."""
        check_is_fitted(self)
        right = labels_of(y)
        alike(self._model.labels, right)
        return float(super().score(X, array_of(right), sample_weight))

    def rehearse(self) -> tuple[Recall, NDArray[Any]]:
        """Return what the memory answers to the examples it keeps (512 at most), and the labels (n,) they came with."""
        check_is_fitted(self)
        model = self._model
        if not len(model.kept):
            raise InsituError("the memory keeps no example; teach it some first")
        names = {number: label for label, number in model.numbers.items()}
        right = array_of([names[number] for number in model.kept_numbers.tolist()])
        return recalled(self.settings, model, model.kept, self.random_state is not None), right

    def later(self, seconds: float | timedelta, compensated: bool = True) -> Memory:
        """Return the memory as it will be ``seconds`` from now, in memory only; this one stays as it is.

        Without ``compensated``, the same devices are read as if nothing undid their drift.
        """
        check_is_fitted(self)
        settings, model = self.settings, self._model
        substrate = settings.substrate if compensated else settings.substrate.uncompensated()
        out = type(self)(**self.get_params() | {"substrate": substrate})
        later_s = model.now_s + inputs.duration(seconds, model.now_s)
        out._know(replace(model, now_s=later_s), replace(settings, substrate=substrate))
        return out

    def columns(self, labels: ArrayLike, since: Memory | None = None) -> Columns | None:
        """Return the devices of these classes, None where there are none; pulses ``since`` an earlier ``later(0)``."""
        check_is_fitted(self)
        before, wanted = None if since is None else since._model, labels_of(labels)
        alike(self._model.labels, wanted)
        return columns(self.settings.substrate, self._model, wanted, before)

    def cost(self) -> Ledger:
        """Return the pulses, RESETs and programmings that teaching has spent since the memory was new."""
        check_is_fitted(self)
        state = self._model.state
        return Ledger() if state is None else self.settings.learner().cost(state)

    def query_cost(self) -> Ledger:
        """Return what one prediction spends."""
        check_is_fitted(self)
        state = self._model.state
        return Ledger() if state is None else self.settings.learner().query_cost(state)

    # -- a file ------------------------------------------------------------------------------------------------------

    def replay(self, substrate: Substrate | str | None = None, path: str | Path | None = None) -> Memory:
        """Return a memory on another substrate that lived through the same: every event of the journal, in order.

        Only a memory that was opened from a file has a journal. With ``path``, the new one is kept in that new file.
        """
        if self._store is None:
            raise InsituError("what is replayed is a file's journal; open the memory with Memory.open(path)")
        from insitu.memory.storage.transfer import replayed

        copy = type(self)(**self.get_params() | {"substrate": substrate})
        with self._store.busy:
            events = list(self._store.journal())
        if path is not None:
            return _bound(type(self), replayed(events, path, copy.get_params()))
        for event in events:
            copy._happened(event)
        return copy

    def close(self) -> None:
        """Give the file back, where there is one; what was taught stays in it."""
        if self._store is not None:
            self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- conventions -------------------------------------------------------------------------------------------------

    def __sklearn_is_fitted__(self) -> bool:
        return self._knows

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        if self.backbone is not None:
            tags.input_tags.two_d_array, tags.input_tags.three_d_array = False, True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        # a copy is a memory of its own: two that write to one file would undo each other
        kept: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in kept.items() if name != "_store"}

    # -- parts -------------------------------------------------------------------------------------------------------

    _store: Store | None = None
    _model: Model
    _settings: Settings | None = None  # that the model was made with, whatever ``set_params`` says by now

    @property
    def _knows(self) -> bool:
        return "_model" in vars(self)

    @property
    def settings(self) -> Settings:
        """The substrate, backbone and rows that its parameters stand for, or that it was taught with."""
        return self._settings or settings_of(self.substrate, self.backbone, self.dim)

    def _busy(self) -> threading.RLock:
        """Return the lock that is held while something happens, from the checks on."""
        if self._store is not None:
            return self._store.busy
        return turn_of(self)

    def _happened(self, event: Event) -> Self:
        settings = settings_of(self.substrate, self.backbone, self.dim)
        if self._settings not in (None, settings) and (event.kind != "fit" or self._store is not None):
            raise InsituError("a parameter of the memory was changed after it was taught; set it back or fit a new one")
        if self._store is not None and self.random_state != self._store.parameters["random_state"]:
            raise InsituError("random_state of a memory in a file was changed after it was opened; set it back")
        if self._store is not None:
            self._know(self._store.happened(event), settings)
        else:
            known = self._model if self._knows else None
            with drawn(self.random_state if known is None or event.kind == "fit" else known.seed) as seed:
                model = apply(settings, known, event, seed)
            self._know(model, settings)
        return self

    def _know(self, model: Model, settings: Settings) -> None:
        self._model, self._settings = model, settings
        self.classes_ = array_of(model.labels)
        self.class_count_ = model.counts[[model.numbers[label] for label in model.labels]]
        self.now_s_, self.events_ = model.now_s, model.events
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
        if settings.backbone is None:
            self.n_features_in_ = model.features
        if model.feature_names is not None:
            self.feature_names_in_ = np.array(model.feature_names, object)


def _bound(cls: type[Memory], store: Store) -> Memory:
    """Return the memory that a store holds; what happens to it from now on is kept there."""
    memory = cls(**store.parameters)
    memory._store = store
    memory._settings = settings_of(memory.substrate, memory.backbone, memory.dim)
    if store.model is not None:
        memory._know(store.model, memory._settings)
    return memory
