"""Changes single bytes of a small file of a memory; each change must be rejected or have no effect on predictions.

usage: damaging.py [STEP]
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path

import numpy as np

from insitu import Memory
from insitu.core import InsituError
from insitu.memory.storage import maintenance

QUERIES = np.array([[0.0, 1.0], [3.0, -1.0], [-2.0, 2.0]])


def small(path: Path) -> bytes:
    """Return the bytes of a memory with few and small pages."""
    with Memory.open(path, substrate="digital", dim=3, who="ann") as memory:
        memory.fit([[0.0, 1.0], [3.0, -1.0]], ["a", "b"])
        memory.partial_fit([[-2.0, 2.0]], ["c"]).forget("a")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA page_size = 512")
        connection.execute("VACUUM")
    return path.read_bytes()


def outcome(path: Path, expected: np.ndarray, write: bool) -> str:
    """Return the outcome of opening, querying and verifying the file, and with ``write`` teaching it."""
    try:
        with Memory.open(path, readonly=not write) as memory:
            answers = memory.predict_proba(QUERIES)
            assert memory._store is not None
            memory._store.verify()
            if write:
                memory.partial_fit([[5.0, 5.0]], ["d"])
        if write:
            maintenance.verify(path)
    except InsituError as error:
        return "damaged" if "damaged" in str(error) and "\n" not in str(error) else f"unclear: {error}"
    except Exception as error:  # what no change of a byte may lead to
        return f"raw: {type(error).__name__}: {error}"
    return "same" if np.array_equal(answers, expected) else "other answers"


def every(folder: Path, places: range, write: bool = False) -> Counter[str]:
    """Change each of these bytes in turn, in one of three ways, and count the outcomes."""
    path = folder / "small.insitu"
    path.unlink(missing_ok=True)
    whole = small(path)
    with Memory.open(path, readonly=True) as memory:
        expected = memory.predict_proba(QUERIES)
    outcomes: Counter[str] = Counter()
    for place in range(places.start, min(places.stop, len(whole)), places.step):
        changed = bytearray(whole)
        changed[place] ^= (1, 0x80, 0xFF)[place % 3]
        path.write_bytes(changed)
        outcomes[outcome(path, expected, write)] += 1
        for name in ("-wal", "-shm"):
            Path(f"{path}{name}").unlink(missing_ok=True)
    return outcomes


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        counts = every(Path(made), range(0, sys.maxsize, int(sys.argv[1]) if len(sys.argv) > 1 else 1))
    print(dict(counts))
    sys.exit(bool(set(counts) - {"same", "damaged"}))
