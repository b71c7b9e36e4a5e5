"""Folders, zip and tar archives behind one interface; every kind of damage raises one kind of error."""

from __future__ import annotations

import lzma
import struct
import tarfile
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from pickle import UnpicklingError

from insitu.core import InsituError

# what the readers of zip, tar, npz, pickle and text raise on damaged bytes
DAMAGE = (
    OSError,
    EOFError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    RuntimeError,
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    UnpicklingError,
)


@contextmanager
def damage_named(what: str) -> Iterator[None]:
    """Turn any sign of damage into one ``InsituError`` that names ``what`` is damaged."""
    try:
        yield
    except DAMAGE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InsituError(f"{what} is damaged or incomplete ({reason}); delete it and get it again") from error


class Bundle(ABC):
    """Files under names, relative to where the bundle's contents start."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.root = ""

    def enter(self, marker: str) -> None:
        """Start names at the outermost folder that holds ``marker``: archives often wrap all files in one folder."""
        holders = [name.removesuffix(marker) for name in self.names if f"/{name}".endswith(f"/{marker}")]
        if not holders:
            raise InsituError(f"{self.path} holds no {marker}; check that it is the right file, or get it again")
        self.root = min(holders, key=len)

    def read(self, name: str) -> bytes:
        """Return the contents of the file ``name``."""
        if self.root + name not in self.names:
            raise InsituError(f"{self.path} holds no {name}; get the data set again, or add what is missing")
        with damage_named(f"{name} in {self.path}"):
            return self._read(self.root + name)

    def words(self, name: str) -> list[str]:
        """Return the words of the text file ``name``, which must not be empty."""
        data = self.read(name)
        with damage_named(f"{name} in {self.path}"):
            found = data.decode().split()
        if not found:
            raise InsituError(f"{name} in {self.path} is empty; get the data set again")
        return found

    @cached_property
    def names(self) -> dict[str, None]:  # a dict keeps the order and finds a name at once
        """The names of all files."""
        with damage_named(str(self.path)):
            return dict.fromkeys(self._names())

    @abstractmethod
    def _names(self) -> list[str]: ...

    @abstractmethod
    def _read(self, name: str) -> bytes: ...


class _Folder(Bundle):
    def _names(self) -> list[str]:
        return [file.relative_to(self.path).as_posix() for file in sorted(self.path.rglob("*")) if file.is_file()]

    def _read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()


class _Zip(Bundle):
    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        super().__init__(path)
        self._archive = archive

    def _names(self) -> list[str]:
        return [name for name in self._archive.namelist() if not name.endswith("/")]

    def _read(self, name: str) -> bytes:
        return self._archive.read(name)


class _Tar(Bundle):
    def __init__(self, path: Path, archive: tarfile.TarFile) -> None:
        super().__init__(path)
        self._archive = archive

    def _names(self) -> list[str]:
        found = [member.name for member in self._archive if member.isfile()]
        while self._archive.fileobj is not None and self._archive.fileobj.read(1 << 20):
            pass  # to the very end, where a packed archive keeps its checksum
        return found

    def _read(self, name: str) -> bytes:
        file = self._archive.extractfile(name)
        return file.read() if file else b""


@contextmanager
def open_bundle(path: Path) -> Iterator[Bundle]:
    """Yield the folder, zip or tar archive at ``path``, opened; raise ``InsituError`` where it is none of these."""
    if path.is_dir():
        yield _Folder(path)
    elif not path.exists():
        raise InsituError(f"there is no {path}; check the path, or see 'insitu data path'")
    elif zipfile.is_zipfile(path):
        with damage_named(str(path)):
            opened = zipfile.ZipFile(path)
        with opened:
            yield _Zip(path, opened)
    else:
        with damage_named(str(path)):
            tar = tarfile.open(path)  # noqa: SIM115  # closed below; errors of its opening alone are renamed
        with tar:
            yield _Tar(path, tar)


def all_files(bundle: Bundle, ending: str) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents of the files whose names end in ``ending``.

    A tar archive is read forwards, once: looking up tens of thousands of members by name takes quadratic time.
    """
    if bundle.path.is_dir() or not tarfile.is_tarfile(bundle.path):
        for name in bundle.names:
            if name.endswith(ending):
                yield name, bundle.read(name)
        return
    with damage_named(str(bundle.path)), tarfile.open(bundle.path, "r|*") as stream:
        for member in stream:
            if member.isfile() and member.name.endswith(ending):
                file = stream.extractfile(member)
                yield member.name, file.read() if file else b""
