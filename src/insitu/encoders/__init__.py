"""Encoders: what turns a user's pictures, sounds, series or rows into vectors, and the contract by which they do it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from insitu import catalog
from insitu.core import InsituError, is_path
from insitu.encoders import _cache, _items

ONNX_SUFFIX = ".onnx"
Kind = Literal["images", "sounds", "series", "vectors"]
Vectors = NDArray[np.float64]
Progress = Callable[[int, int], object]  # called with the number of items done and their total
OnError = Callable[[int, InsituError], object]  # called with the index of an item and the error that names it


class Encoder(ABC):
    """A map from items to vectors, as a frozen record; a subclass is one file of this room and usable by its name.

    A subclass implements ``read``, which checks and decodes one item, and ``vectors``, which encodes a batch of what
    ``read`` returned. Vectors of an item do not depend on its batch, up to rounding. Weights are loaded when they are
    first used, so that a record is cheap; where a package is missing, ``InsituError`` names the extra to install.
    """

    licence: ClassVar[str] = "yours"  # of the weights
    cached: ClassVar[bool] = True  # whether the vectors of files are kept on disk
    batch_size: ClassVar[int] = 32

    @property
    @abstractmethod
    def kind(self) -> Kind:
        """What an item is."""

    @property
    def name(self) -> str:
        """Public name: that of the file, with dashes."""
        part = catalog.part_of(type(self))
        return type(self).__name__ if part is None else part.name

    @property
    def trained_on(self) -> str:
        """What the weights have seen, '' where nothing was trained."""
        return ""

    @property
    def takes(self) -> str:
        """An item as the network takes it, in words."""
        return self.kind

    @property
    @abstractmethod
    def dim(self) -> int | None:
        """Components of a vector; None where only the first encoded item shows it."""

    @abstractmethod
    def digest(self) -> str:
        """Return a short hash of everything that vectors depend on: weights and fields."""

    @abstractmethod
    def read(self, item: Any) -> Any:
        """Return one item as ``vectors`` takes it; raise ``InsituError``, without a name, where it cannot be used.

        An item from a file is its content as ``bytes``; any other is what the user passed.
        """

    @abstractmethod
    def vectors(self, inputs: Sequence[Any]) -> Vectors:
        """Return the vectors (n, dim) of a batch of what ``read`` returned."""

    def encode(
        self,
        items: Any,
        *,
        progress: Progress | None = None,
        on_error: OnError | None = None,
        length: int | None = None,
    ) -> Vectors:
        """Return the vectors (n, dim) of items: one, or a list or array of them; a folder stands for its files.

        Without ``on_error``, the first item that cannot be read raises ``InsituError``, which names it. With it,
        ``on_error`` is called for each such item, which has no row in the result, and for those whose vectors do not
        have ``length`` numbers, by default as many as most. Vectors of files are looked up by their content, so that
        none is encoded twice.
        """
        listed = _items.listed(items, self.kind)
        store = _cache.VectorCache(f"{Path(self.name).name}-{self.digest()}") if self.cached else None
        found: list[Vectors | None] = [None] * len(listed)
        pending: list[tuple[int, str, Any]] = []
        for row, item in enumerate(listed):
            try:
                with _items.named(item, row):
                    content = _items.content(item)
                    key = _cache.key(content) if store is not None and isinstance(content, bytes) else ""
                    if store is not None and key:
                        found[row] = store.get(key)
                    if found[row] is None:
                        pending.append((row, key, self.read(content)))
            except InsituError as error:
                if on_error is None:
                    raise
                on_error(row, error)
            if len(pending) == self.batch_size or (pending and row == len(listed) - 1):
                for (at, key, _), vector in zip(pending, self._encoded(listed, pending, on_error), strict=True):
                    found[at] = vector
                    if store is not None and key and vector is not None:
                        store.put(key, vector)
                pending = []
            if progress is not None:
                progress(row + 1 - len(pending), len(listed))
        if on_error is not None:
            self._leave_out_other_lengths(listed, found, length, on_error)
        rows = [vector for vector in found if vector is not None]
        return _items.stacked(rows) if rows else np.zeros((0, self.dim or 0))

    def _encoded(
        self, listed: Sequence[Any], pending: list[tuple[int, str, Any]], on_error: OnError | None
    ) -> list[Vectors | None]:
        """Return the vectors of a batch, None where ``on_error`` was called; one by one if it fails."""
        try:
            found = self._checked(pending)
        except InsituError as error:
            if on_error is None:
                raise
            if len(pending) > 1:
                return [vector for each in pending for vector in self._encoded(listed, [each], on_error)]
            self._report(str(error), listed, pending[0][0], on_error)
            return [None]
        for (row, _, _), vector in zip(pending, found, strict=True):
            if not np.isfinite(vector).all():
                text = f"encoder {self.name} gave NaN or infinity for it; correct the item or the model"
                self._report(text, listed, row, on_error)
        return [vector if np.isfinite(vector).all() else None for vector in found]

    def _leave_out_other_lengths(
        self, listed: Sequence[Any], found: list[Vectors | None], length: int | None, on_error: OnError
    ) -> None:
        """Report the items whose vectors are not of this length, or without one not as long as most."""
        lengths = [len(vector) for vector in found if vector is not None]
        wanted = length or max(lengths, key=lengths.count, default=0)
        for row, vector in enumerate(found):
            if vector is not None and len(vector) != wanted:
                text = (
                    f"encoder {self.name} gave {len(vector)} numbers for it, and {wanted} for others; use alike items"
                )
                self._report(text, listed, row, on_error)
                found[row] = None

    @staticmethod
    def _report(text: str, listed: Sequence[Any], row: int, on_error: OnError | None) -> None:
        """Call ``on_error`` with an error that names the item; raise it where there is none."""
        try:
            with _items.named(listed[row], row):
                raise InsituError(text)
        except InsituError as error:
            if on_error is None:
                raise
            on_error(row, error)

    def _checked(self, pending: list[tuple[int, str, Any]]) -> Vectors:
        """Return the vectors of a batch; raise ``InsituError`` where they are not vectors, one per item."""
        out = self.vectors([read for _, _, read in pending])
        if out.ndim != 2 or len(out) != len(pending) or not out.shape[1]:
            raise InsituError(f"encoder {self.name} gave {out.shape} for {len(pending)} items; it gives (n, dim)")
        if self.dim not in (None, out.shape[1]):
            raise InsituError(f"encoder {self.name} gave vectors of {out.shape[1]} numbers, not of {self.dim}")
        return out


def find(given: Any) -> Encoder | None:
    """Return the encoder that a user gave: a record, the name of one, a torch module, a callable, or None for none.

    Names are those of this room, of the trained backbones that serve images, and of files: ``folder/net.onnx``, or
    ``folder/net.safetensors`` as ``insitu train`` writes it.
    """
    if given is None or isinstance(given, Encoder):
        return given
    if isinstance(given, str):
        return _named(str(given))
    if callable(given) and not isinstance(given, type):
        from insitu.encoders.function_encoder import FunctionEncoder

        return FunctionEncoder(given)
    raise InsituError(
        f"encoder is the name of one, such as 'omniglot', an Encoder, a torch module, a function that returns vectors, "
        f"or None; got {type(given).__name__}"
    )


def _named(name: str) -> Encoder:
    from insitu.backbones import trained
    from insitu.encoders.trained_backbone import TrainedBackbone

    if name.lower().endswith(ONNX_SUFFIX):
        from insitu.encoders.onnx import Onnx

        return Onnx(Path(name).absolute())  # a memory in a file is opened from other folders too
    parts = {part.name: part for part in catalog.parts("encoders")}
    if part := parts.get(catalog.dashed(name)):
        try:
            encoder: Encoder = catalog.load(part)()
        except TypeError:  # a field without default
            how = (
                "give the path of a model, such as network.onnx" if part.name == "onnx" else "pass its record in Python"
            )
            raise InsituError(f"encoder {part.name} is more than a name; {how}") from None
        return encoder
    if is_path(name, trained.WEIGHTS):
        name = str(trained.stem(name))  # absolute
    try:
        trained.stem(name)
    except InsituError:  # whose text has a path, which clients of a server must not see
        offered = _offered()
        listed = "; ".join(f"for {kind}: {', '.join(names)}" for kind, names in offered.items())
        advice = catalog.suggest(name, [each for names in offered.values() for each in names])
        advice = advice or f"there are, {listed}; the path of an ONNX file; or none for vectors"
        raise InsituError(f"no encoder {name}; {advice}") from None
    trained.check(name, "images")
    return TrainedBackbone(name)


def _offered() -> dict[str, list[str]]:
    """Return the encoders that a name makes, by what they take; not the backbones made of a paper's own data alone."""
    from insitu.backbones import trained

    out: dict[str, list[str]] = {}
    for part in catalog.parts("encoders"):
        try:
            encoder = catalog.load(part)()
        except TypeError:  # a field without default
            continue
        if part.name != "trained-backbone":  # whose names are those of the backbones
            out.setdefault(encoder.kind, []).append(part.name)
    for name in trained.known("images"):
        shipped, of_pictures = (trained.FOLDER / f"{name}{end}" for end in (".json", ".embeddings.npz"))
        if of_pictures.exists() or not shipped.exists():
            out.setdefault("images", []).append(name)
    return out
