"""The memory as a scikit-learn classifier: learns a few examples at any time, on devices whose conductance drifts.

State is one immutable value (``model.Model``). Every change is an ``Event``: ``_apply`` computes the model after it and
commits both to the file of the memory, if it has one. A call that raises changes nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from insitu.core import InsituError
from insitu.memory import history, inputs
from insitu.memory.editing import Editing
from insitu.memory.event import Event, apply, merge_event, teach_event
from insitu.memory.familiarity import check_unknown
from insitu.memory.labels import Label, as_label, as_labels, check_same_kind, label_array
from insitu.memory.locks import lock_of
from insitu.memory.model import Model, check_mergeable, class_statistics
from insitu.memory.on_board import OnBoard
from insitu.memory.pictures import picture_arrays
from insitu.memory.query import Columns, columns
from insitu.memory.querying import Querying
from insitu.memory.settings import Settings, current_names, make_settings
from insitu.substrates import Substrate

if TYPE_CHECKING:
    from insitu.memory.storage.store import Store


class Memory(Querying, Editing, OnBoard, ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn carries no types
    """Few-shot classifier on a simulated substrate, with the conventions of scikit-learn.

    Parameters: ``substrate`` holds the classes: a record, the name of a substrate, or the name of a device for a
    crossbar of it (None: phase-change crossbar with per-column drift compensation). ``encoder`` turns what
    X holds into vectors: the name of one ("omniglot", "efficientnet-lite0", see ``insitu list encoders``), its record,
    a torch module or a function; None where X is vectors. ``dim`` is the number of rows of the array, one per
    component. ``random_state`` seeds programming and read noise: equal seeds give equal results; None draws new read
    noise for every call. ``unknown`` is the label that ``predict`` returns where the familiarity of a row is below
    ``unknown_rate``; None: it always returns a class.

    X is (n, features) of finite numbers; with an encoder, its items: pictures as an array (n, h, w) or (n, h, w, c) of
    uint8, Pillow images or files, folders of them, sounds, series. Labels are strings, integers, floats or booleans,
    all of one kind. Attributes: ``classes_`` (sorted), ``class_count_`` (examples per class), ``events_`` (since the
    last fit), ``now_s_`` (clock in seconds), ``n_features_in_`` (of vectors).
    """

    _model: Model | None = None
    _settings: Settings | None = None  # of the current model; ``set_params`` does not change them

    def __init__(
        self,
        substrate: Substrate | str | None = None,
        *,
        encoder: Any = None,
        dim: int = 512,
        random_state: int | np.random.RandomState | None = 0,
        unknown: Label | None = None,
        unknown_rate: float = 0.05,
    ) -> None:
        self.substrate = substrate
        self.encoder = encoder
        self.dim = dim
        self.random_state = random_state
        self.unknown, self.unknown_rate = unknown, unknown_rate

    @classmethod
    def open(cls, path: str | Path, *, readonly: bool = False, who: str | None = None, **parameters: Any) -> Memory:
        """Open the memory stored in the SQLite file at ``path``; create it with ``parameters`` if there is none.

        Once a call has returned, its effect is durable. One process writes at a time; any number may read
        (``readonly=True``: the state at the time of opening). ``who`` is recorded with every event (default: the
        user's name). Close the memory, or use it in a ``with`` statement. Raises ``InsituError`` where the file is
        damaged, locked by another writer, not writable, or was created with other parameters (not ``unknown``).
        """
        from insitu.memory.storage.store import Store

        return cls._from_store(Store.open(path, parameters, readonly, who))

    # -- learning ----------------------------------------------------------------------------------------------------

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Discard everything learned so far and learn examples X with labels y (n,). Returns self."""
        with self._lock:
            x, names, labels = inputs.validate_examples(self, X, y, reset=True)
            return self._apply(teach_event("fit", labels, x, names))

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, *, pictures: Sequence[bytes] | None = None
    ) -> Self:
        """Learn additional examples X with labels y (n,); labels may be new. Returns self.

        ``classes`` is optional; if given, every label must be one of them. ``pictures`` are stored in the journal, to
        be shown: the content of a small image file (8 KiB at most) for each example, b"" for none.
        """
        with self._lock:
            x, names, labels = inputs.validate_examples(self, X, y, reset=self._model is None)
            check_same_kind(self._model.labels if self._model else [], labels)
            if classes is not None:
                inputs.check_allowed(labels, classes)
            event = teach_event("learn", labels, x, names)
            return self._apply(replace(event, arrays=event.arrays | picture_arrays(pictures, len(labels))))

    def forget(self, label: object) -> Self:
        """RESET the column of class ``label`` and drop what is stored of it. Raises ``InsituError`` if unknown."""
        check_is_fitted(self)
        with self._lock:
            return self._apply(Event("forget", [as_label(label, self._fitted().labels)]))

    def merge(self, other: Memory) -> Self:
        """Learn everything that ``other`` has learned; ``other`` is not changed. Returns self.

        Both take the same kind of X. Substrates may differ: what is transferred is class statistics and examples, not
        the state of devices.
        """
        if not isinstance(other, Memory):
            raise InsituError(f"a memory merges with a Memory; got {type(other).__name__}")
        added = other._fitted()
        with self._lock:
            mine, theirs = (memory.settings.identity() for memory in (self, other))
            if mine != theirs:
                raise InsituError(f"merged memories have the same encoder; got {mine or None} and {theirs or None}")
            check_mergeable(self._model, added)
            return self._apply(merge_event(class_statistics(added)))

    def age(self, seconds: float | timedelta) -> Self:
        """Advance the clock, up to 1e10 s in total: devices drift. Returns self."""
        check_is_fitted(self)
        with self._lock:
            return self._apply(Event("age", [], seconds=inputs.validate_duration(seconds, self._fitted().now_s)))

    # -- prediction --------------------------------------------------------------------------------------------------

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy of the predictions for X against labels y (n,)."""
        labels = as_labels(y)
        check_same_kind(self._fitted().labels, labels)
        return float(super().score(X, label_array(labels), sample_weight))

    def projected(self, seconds: float | timedelta, compensated: bool = True) -> Memory:
        """Return an in-memory copy whose clock is ``seconds`` ahead; this memory is not changed.

        With ``compensated=False``, the same devices are read without drift compensation.
        """
        model, settings = self._fitted(), self.settings
        substrate = settings.substrate if compensated else settings.substrate.uncompensated()
        out = type(self)(**self.get_params() | {"substrate": substrate})
        now_s = model.now_s + inputs.validate_duration(seconds, model.now_s)
        out._set_model(replace(model, now_s=now_s), replace(settings, substrate=substrate))
        return out

    def columns(self, labels: ArrayLike, since: Memory | None = None) -> Columns | None:
        """Return the devices of these classes, or None on a substrate without devices.

        Pulses are counted from the state of ``since``, an earlier ``projected(0)``; without it, from the start.
        """
        model, selected = self._fitted(), as_labels(labels)
        check_same_kind(model.labels, selected)
        return columns(self.settings.substrate, model, selected, None if since is None else since._model)

    # -- storage -----------------------------------------------------------------------------------------------------

    def replay(self, substrate: Substrate | str | None = None, path: str | Path | None = None) -> Memory:
        """Return a memory on another substrate to which all events of the journal have been applied in order.

        Only a memory that was opened from a file has a journal. With ``path``, the result is stored in that new file.
        """
        if self._store is None:
            raise InsituError("only a memory opened from a file has a journal to replay; use Memory.open(path)")
        from insitu.memory.storage.maintenance import replay, replayed

        copy = type(self)(**self.get_params() | {"substrate": substrate})
        with self._store.lock:
            events = list(self._store.journal())
        if path is not None:
            return self._from_store(replay(events, path, copy.get_params()))
        model = replayed(events, copy.get_params())
        if model is not None:
            copy._set_model(model, copy.settings)
        return copy

    def close(self) -> None:
        """Close the file and release its lock, if the memory has one."""
        if self._store is not None:
            self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def classes_(self) -> NDArray[Any]:
        """Labels of the current classes, sorted."""
        return self._fitted("classes_").label_array

    @property
    def class_count_(self) -> NDArray[np.int64]:
        """Number of examples of each class, in the order of ``classes_``."""
        return self._fitted("class_count_").class_counts

    def __sklearn_is_fitted__(self) -> bool:
        return self._model is not None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        if self.encoder is not None:
            tags.input_tags.two_d_array, tags.input_tags.three_d_array = False, True
        return tags

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(current_names(state))

    def __getstate__(self) -> dict[str, Any]:
        # a copy is in memory only: two writers to one file would overwrite each other's events
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name not in ("_store", "_past")}

    @property
    def settings(self) -> Settings:
        """Checked substrate, encoder and rows: those of the current model, else those given as parameters."""
        return self._settings or make_settings(self.substrate, self.encoder, self.dim)

    @property
    def _lock(self) -> threading.RLock:
        """Lock held by every change, from the validation of its arguments on."""
        return lock_of(self) if self._store is None else self._store.lock

    def _fitted(self, attribute: str = "") -> Model:
        if attribute and self._model is None:
            raise AttributeError(f"a memory has no {attribute} before it is fitted")
        check_is_fitted(self)
        assert self._model is not None
        return self._model

    def _apply(self, event: Event) -> Self:
        if event.kind != "forget":
            check_unknown(self.unknown, self.unknown_rate, event.labels)
        settings = make_settings(self.substrate, self.encoder, self.dim)
        if self._settings not in (None, settings) and (event.kind != "fit" or self._store is not None):
            raise InsituError("a parameter was changed after the memory was fitted; set it back, or fit a new memory")
        if self._store is None:
            new = self._model is None or event.kind == "fit"
            with inputs.draw_seed(self.random_state if new else self._fitted().seed) as seed:
                before = history.before_last_change(self._past) if event.kind == "undo" else None
                model = apply(settings, self._model, event, seed, before)
            self._past = history.remember(self._past, event, self._model)
        elif self.random_state != self._store.parameters["random_state"]:
            raise InsituError("random_state of a stored memory was changed after it was opened; set it back")
        else:
            model = self._store.append(event)
        self._set_model(model, settings)
        return self

    def _set_model(self, model: Model, settings: Settings) -> None:
        self._model, self._settings = model, settings
        self.now_s_, self.events_ = model.now_s, model.events
        for name in ("n_features_in_", "feature_names_in_"):
            self.__dict__.pop(name, None)
        if settings.encoder is None:
            self.n_features_in_ = model.features
        if model.feature_names is not None:
            self.feature_names_in_ = np.array(model.feature_names, object)

    @classmethod
    def _from_store(cls, store: Store) -> Memory:
        memory = cls(**store.parameters)
        memory._store = store
        memory._settings = make_settings(memory.substrate, memory.encoder, memory.dim)
        if store.model is not None:
            memory._set_model(store.model, memory._settings)
        return memory
