"""Packages that only some encoders need: the error names the extra that installs them."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path

from insitu.core import InsituError, install_hint


@contextmanager
def extra(name: str, encoder: str) -> Iterator[None]:
    """Turn a failed import of an encoder into an ``InsituError`` that names the extra ``name``."""
    try:
        yield
    except ImportError as error:
        raise _missing(name, encoder, error.name or str(error)) from error


@cache
def package_file(extra: str, encoder: str, package: str, *names: str) -> Path:
    """Return a file of an installed package, without importing it."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise _missing(extra, encoder, package)
    file = Path(found.origin).parent.joinpath(*names)
    if not file.is_file():
        raise InsituError(f"encoder {encoder}: {package} has no file {'/'.join(names)}; {install_hint(extra)}")
    return file


def digest(*values: object, file: Path) -> str:
    """Return a short hash of a file's content and of fields; the file is read again only when it has changed."""
    try:
        stat = file.stat()
        content = _content_digest(file, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise InsituError(f"{file} cannot be read: {error.strerror}; give the path of the file") from error
    return hashlib.blake2b(repr((*values, content)).encode(), digest_size=6).hexdigest()


@lru_cache(maxsize=32)
def _content_digest(file: Path, changed_ns: int, size: int) -> str:
    return hashlib.blake2b(file.read_bytes(), digest_size=16).hexdigest()


def _missing(extra: str, encoder: str, package: str) -> InsituError:
    return InsituError(f"encoder {encoder} needs {package}; install it: {install_hint(extra)}")
