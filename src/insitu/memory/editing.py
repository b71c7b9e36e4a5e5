"""Methods of a memory that correct what it was taught: undo, rename, remove or relabel an example; and its backup."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from insitu.core import InsituError
from insitu.memory.event import Event, correction_event
from insitu.memory.examples import Example, kept_examples, taught_examples
from insitu.memory.history import Past
from insitu.memory.labels import Label, as_label
from insitu.memory.model import Model
from insitu.memory.pictures import picture_of
from insitu.memory.settings import Settings

if TYPE_CHECKING:
    import threading

    from insitu.memory.storage.store import Store


class Editing(ABC):
    """Corrections of a memory. Each is an event, so that it can be undone, and is replayed with the journal."""

    _past: Past = ()  # changes that a memory without a file can undo
    _store: Store | None = None

    @property
    @abstractmethod
    def settings(self) -> Settings:
        """Checked settings of the memory."""

    @property
    @abstractmethod
    def _lock(self) -> threading.RLock: ...

    @abstractmethod
    def _fitted(self) -> Model: ...

    @abstractmethod
    def _apply(self, event: Event) -> Self: ...

    def undo(self) -> Self:
        """Take back the last change since the fit that is not taken back yet; time stays as it is. Returns self.

        What changes is RESET and written again: devices are not un-pulsed. An undo is not undone by another one, which
        takes back the change before. A memory without a file can take back its last 16 changes.
        """
        with self._lock:
            self._fitted()
            return self._apply(Event("undo", []))

    def last_change(self) -> Event | None:
        """Return the event that ``undo`` would take back, None where there is none."""
        if self._store is None:
            return self._past[-1][0] if self._past else None
        number = self._store.last_change()
        return None if number is None else self._store.event(number)

    def rename(self, label: object, new: object) -> Self:
        """Call class ``label`` by a new name, which no class has yet; its column is not touched. Returns self."""
        with self._lock:
            old, name = self._known_label(label), as_label(new, self._fitted().labels)
            if name in self._fitted().numbers:
                raise InsituError(f"the memory already holds {name!r}; give another name, or relabel the examples")
            return self._apply(Event("rename", [old, name]))

    def examples(self, label: object = None) -> list[Example]:
        """Return the examples of class ``label``, or of all classes, in the order in which they were taught.

        A memory without a file knows those it stores, at most 512.
        """
        found = self._known_examples()
        wanted = None if label is None else self._known_label(label)
        return [found[each] for each in sorted(found) if wanted is None or found[each].label == wanted]

    def example_input(self, example: int) -> NDArray[Any]:
        """Return the input of an example as it was given: a vector (features,), or an image (h, w, c) of uint8."""
        found = self._example(example)
        if not found.stored:
            raise InsituError(f"the input of example {example} is not stored; see examples() for those that are")
        return self._input(found)

    def example_pictures(self, examples: Sequence[Example]) -> list[bytes | NDArray[Any] | None]:
        """Return what shows each of these ``examples()``: an image (h, w, c), the picture stored with it, or None."""
        if self._store is None:
            return [None] * len(examples)
        events = {number: self._store.event(number) for number in {each.event for each in examples}}
        images = self.settings.keeps_images
        return [
            np.array(events[each.event].arrays["x"][each.row])
            if images and each.stored
            else picture_of(events[each.event], each.row) or None
            for each in examples
        ]

    def remove_example(self, example: int) -> Self:
        """Take example ``example``, an id of ``examples()``, out of its class; the last one takes the class with it.

        The column is RESET and written again with the other examples. Returns self.
        """
        with self._lock:
            found = self._example(example)
            return self._apply(correction_event("remove", [found.label], found.id, self._unless_kept(found)))

    def relabel(self, example: int, label: object) -> Self:
        """Move example ``example``, an id of ``examples()``, to class ``label``, which may be new. Returns self.

        The columns of both classes are written: the one it leaves is RESET first.
        """
        with self._lock:
            found, new = self._example(example), as_label(label, self._fitted().labels)
            if new == found.label:
                raise InsituError(f"example {example} is of class {new!r} already")
            labels = [found.label, new]
            return self._apply(correction_event("relabel", labels, found.id, self._unless_kept(found)))

    def backup(self, path: str | Path) -> Path:
        """Write a verified copy of the memory's file, a single one, and return its path; ``open`` restores it.

        Another process may write to the memory meanwhile.
        """
        if self._store is None:
            raise InsituError("only a memory opened from a file has one to back up; use Memory.open(path)")
        from insitu.memory.storage.maintenance import back_up

        return back_up(self._store.path, Path(path))

    # -- parts -------------------------------------------------------------------------------------------------------

    def _known_label(self, label: object) -> Label:
        model = self._fitted()
        known = as_label(label, model.labels)
        if known not in model.numbers:
            raise InsituError(f"the memory does not hold {known!r}; see classes_")
        return known

    def _known_examples(self) -> dict[int, Example]:
        """Return the examples by their ids: those of the journal, or without a file those that are stored."""
        model, vectors = self._fitted(), not self.settings.keeps_images
        return kept_examples(model, vectors) if self._store is None else taught_examples(self._store.headers(), vectors)

    def _example(self, example: int) -> Example:
        if not isinstance(example, int | np.integer) or isinstance(example, bool):
            raise InsituError(f"an example is given by its id, an integer of examples(); got {example!r}"[:200])
        found = self._known_examples().get(int(example))
        if found is None:
            more = "" if self._store else "; a memory without a file knows only those it stores"
            raise InsituError(f"there is no example {example}; see examples() for the ids{more}")
        return found

    def _unless_kept(self, example: Example) -> NDArray[Any] | None:
        """Return the input (1, ...) of an example that is not stored next to the array, None of one that is."""
        kept = self._fitted().kept_ids
        if kept is not None and example.id in kept:
            return None
        if not example.stored:
            raise InsituError(f"example {example.id} came by a merge and is not stored any more; forget its class")
        return self._input(example)[None]

    def _input(self, example: Example) -> NDArray[Any]:
        model = self._fitted()
        if self._store is None:
            assert model.kept_ids is not None
            return np.array(model.kept[model.kept_ids == example.id][0])
        arrays = self._store.event(example.event).arrays
        return np.array(arrays["x" if "x" in arrays else "kept"][example.row])
