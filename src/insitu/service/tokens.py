"""Tokens: one that may do everything, and two for each memory, to teach it and to query it.

A token is a file that its owner alone can read: ``cups.insitu.token`` may teach, ``cups.insitu.read-token`` may only
query and look.
"""

from __future__ import annotations

import hmac
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from insitu.core import InsituError, read_text
from insitu.service.names import SUFFIX

LONGEST_TOKEN = 256  # characters
FILES = {"teach": ".token", "read": ".read-token"}


@dataclass
class Tokens:
    """The tokens of memories, loaded when they are first needed; the single memory of a server has the name ''."""

    folder: Path | None = None
    required: bool = False
    _known: dict[str, dict[str, str]] = field(default_factory=dict)  # by memory, then by role

    def role(self, memory: str, token: str) -> str | None:
        """Return what a token allows on a memory, "teach" or "read"; None for nothing."""
        roles = [
            role for role, known in self._of(memory).items() if hmac.compare_digest(known.encode(), token.encode())
        ]
        return roles[0] if roles else None

    def create(self, memory: str) -> dict[str, str]:
        """Return the tokens of a new memory by role, stored in new files; none where no token is required."""
        return self._of(memory) if self.required else {}

    def set_single(self, file: Path) -> None:
        """Take the token in ``file``, which is created if it does not exist, for queries of the single memory."""
        self._known[""] = {"read": load_or_create_token(file)[0]}

    def delete(self, memory: str) -> None:
        """Delete the tokens of a memory."""
        self._known.pop(memory, None)
        for suffix in FILES.values():
            self._file(memory, suffix).unlink(missing_ok=True)

    def _of(self, memory: str) -> dict[str, str]:
        if memory not in self._known and self.folder is not None and self._file(memory, "").exists():
            self._known[memory] = {
                role: load_or_create_token(self._file(memory, suffix))[0] for role, suffix in FILES.items()
            }
        return self._known.get(memory, {})

    def _file(self, memory: str, suffix: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{memory}{SUFFIX}{suffix}"


def load_or_create_token(path: Path) -> tuple[str, bool]:
    """Return the token in the file at ``path``, created if it does not exist, and whether it was created."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _load_token(path), False
    except OSError as error:
        raise InsituError(f"could not write the token to {path}: {error.strerror}; give --token-file") from error
    token = secrets.token_urlsafe(32)
    with os.fdopen(handle, "wb") as file:
        file.write(f"{token}\n".encode())
    return token, True


def _load_token(path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            raise InsituError(f"others can read the token in {path}; 'chmod 600 {path}', or delete it for a new one")
        token = read_text(path).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InsituError(f"could not read the token in {path}: {error}; delete it for a new one") from error
    if not 16 <= len(token) <= LONGEST_TOKEN or not token.isascii() or not token.isprintable():
        raise InsituError(f"{path} has no token of 16 to {LONGEST_TOKEN} characters; delete it for a new one")
    return token
