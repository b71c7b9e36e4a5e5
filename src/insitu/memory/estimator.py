"""The memory as a scikit-learn classifier: taught a few examples at any time, in devices that age.

What it knows is one value (``_nouns.Model``), replaced by every verb and by none that only asks; a memory that was
opened from a file replaces it only after the file has it too.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from insitu.core import InsituError, generator
from insitu.ledger import Ledger
from insitu.memory import _images
from insitu.memory._event import Event, apply, merging
from insitu.memory._nouns import Label, Model, experience, labels_of
from insitu.memory._settings import Settings, settings_of
from insitu.memory._space import Vectors
from insitu.memory.recall import Columns, Recall, columns, uncompensated
from insitu.substrates import Substrate

if TYPE_CHECKING:
    from insitu.memory.store import Store


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
        from insitu.memory.store import Store

        return _bound(cls, Store.open(Path(path), parameters, readonly, who))

    # -- teaching ----------------------------------------------------------------------------------------------------

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Forget everything and learn examples X with labels y (n,). Returns self."""
        x, labels = self._examples(X, y, reset=True)
        return self._happened(Event("fit", labels, {"x": x}))

    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Learn examples X with labels y (n,) besides what is known; labels may be new. Returns self.

        ``classes`` need not be given; where it is, every label is one of them.
        """
        x, labels = self._examples(X, y, reset=not self._knows)
        if classes is not None and (odd := set(labels) - set(labels_of(np.asarray(classes)))):
            raise ValueError(f"y holds {min(odd)!r}, which is not among the classes given; add it, or give no classes")
        if self._knows:
            labels_of(np.array([*self._model.labels[:1], *labels], object))  # of one kind with those known
        return self._happened(Event("learn", labels, {"x": x}))

    def forget(self, label: object) -> Self:
        """Forget the class ``label``: its column is RESET. Raises ``InsituError`` where it is not known."""
        check_is_fitted(self)
        return self._happened(Event("forget", labels_of(np.asarray([label]))))

    def merge(self, other: Memory) -> Self:
        """Learn what ``other`` knows too, as if both had been taught here; ``other`` stays as it is. Returns self.

        Both take the same kind of X. Substrates may differ: what was taught moves, not the devices.
        """
        check_is_fitted(other)
        if self.backbone != other.backbone or (self._knows and self._model.features != other._model.features):
            mine, its = (f"{m._model.features if m._knows else 'any'} features of {m.backbone}" for m in (self, other))
            raise InsituError(f"memories merge that take the same vectors or the same backbone; got {mine} and {its}")
        taken = experience(other._model)
        if not taken.labels:
            raise InsituError("the other memory holds no class; there is nothing to merge")
        labels_of(np.array([*(self._model.labels[:1] if self._knows else []), *taken.labels], object))
        return self._happened(merging(taken))

    def age(self, seconds: float) -> Self:
        """Let time pass: devices drift. Time does not run backwards. Returns self."""
        check_is_fitted(self)
        return self._happened(Event("age", [], seconds=_duration(seconds)))

    # -- asking ------------------------------------------------------------------------------------------------------

    def recall(self, X: ArrayLike) -> Recall:
        """Return what the memory answers to each row of X: similarities and probabilities, of one reading."""
        check_is_fitted(self)
        if self.backbone is None:
            x = validate_data(self, X, reset=False, dtype=[np.float64, np.float32])
        else:
            x = _images.checked(X)
        return self._recalled(self.settings.vectors(x), x)

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

    def rehearse(self) -> tuple[Recall, NDArray[Any]]:
        """Return what the memory answers to the examples it keeps (512 at most), and the labels (n,) they came with."""
        check_is_fitted(self)
        model = self._model
        if not len(model.kept):
            raise InsituError("the memory keeps no example; teach it some first")
        names = {number: label for label, number in model.numbers.items()}
        right = np.array([names[number] for number in model.kept_numbers.tolist()])
        return self._recalled(model.kept, model.kept, model), right

    def later(self, seconds: float, compensated: bool = True) -> Memory:
        """Return the memory as it will be ``seconds`` from now, in memory only; this one stays as it is.

        Without ``compensated``, the same devices are read as if nothing undid their drift.
        """
        check_is_fitted(self)
        settings, model = self.settings, self._model
        substrate = settings.substrate if compensated else uncompensated(settings.substrate)
        out = type(self)(**self.get_params() | {"substrate": substrate})
        out._know(replace(model, now_s=model.now_s + _duration(seconds)))
        return out

    def columns(self, labels: ArrayLike, since: Memory | None = None) -> Columns | None:
        """Return the devices of these classes, None where there are none; pulses ``since`` an earlier ``later(0)``."""
        check_is_fitted(self)
        before = None if since is None else since._model
        return columns(self.settings.substrate, self._model, labels_of(np.asarray(labels)), before)

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
        from insitu.memory.transfer import replayed

        copy = type(self)(**self.get_params() | {"substrate": substrate})
        with self._store.busy:
            events = list(self._store.journal())
        if path is not None:
            return _bound(type(self), replayed(events, Path(path), copy.get_params()))
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

    @property
    def _knows(self) -> bool:
        return "_model" in vars(self)

    @property
    def settings(self) -> Settings:
        """The substrate, backbone and rows that its parameters stand for."""
        return settings_of(self.substrate, self.backbone, self.dim)

    def _happened(self, event: Event) -> Self:
        if self._store is None:
            self._know(apply(self.settings, self._model if self._knows else None, event, self._new_seed()))
        else:
            with self._store.busy:
                self._know(self._store.happened(event))
        return self

    def _know(self, model: Model) -> None:
        self._model = model
        self.classes_ = np.array(model.labels)
        self.class_count_ = model.counts[[model.numbers[label] for label in model.labels]]
        self.now_s_, self.events_ = model.now_s, model.events
        if self.backbone is None:
            self.n_features_in_ = model.features

    def _new_seed(self) -> int:
        if isinstance(self.random_state, int | np.integer):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _examples(self, X: ArrayLike, y: ArrayLike, reset: bool) -> tuple[NDArray[Any], list[Label]]:
        if self.backbone is None:
            x, given = validate_data(self, X, y, reset=reset, dtype=[np.float64, np.float32])
        else:
            x, given = _images.checked(X), column_or_1d(y, warn=True)
            if len(x) != len(given):
                raise InsituError(f"one label per image; got {len(x)} images and {len(given)} labels")
        check_classification_targets(given)
        return x, labels_of(given)

    def _recalled(self, vectors: Vectors, given: NDArray[Any], model: Model | None = None) -> Recall:
        """Return answers of one state of the memory: another thread may teach in between."""
        model = self._model if model is None else model
        rng = np.random.default_rng()
        if self.random_state is not None:
            rng = generator(model.seed, "read", model.events, zlib.crc32(given.tobytes()))
        scores = self.settings.verbs().scores(model, vectors, rng).double().numpy()
        assert model.space is not None
        return Recall(model.labels, scores, model.space.sharpness)


def _duration(seconds: float) -> float:
    if not 0 <= seconds < np.inf:
        raise InsituError(f"a memory ages by seconds >= 0; got {seconds}")
    return float(seconds)


def _bound(cls: type[Memory], store: Store) -> Memory:
    """Return the memory that a store holds; what happens to it from now on is kept there."""
    memory = cls(**store.parameters)
    memory._store = store
    if store.model is not None:
        memory._know(store.model)
    return memory
