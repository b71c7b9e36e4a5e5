"""Changes in the user's memory: its state, and what its file stores."""

from __future__ import annotations

from plant import Mutant

MUTANTS = [
    Mutant(
        "a mean is of the last examples only",
        "memory/model.py",
        "moved[numbers] = before + (means - before) * (counts / total[numbers])[:, None]",
        "moved[numbers] = means",
        ("memory/test_model.py",),
    ),
    Mutant(
        "examples of new classes are stored only until the memory is full",
        "memory/model.py",
        "chosen = _by_priority(np.concatenate([model.kept_numbers, y[order]]))[:KEPT]",
        "chosen = np.arange(old + len(x))[:KEPT]",
        ("memory/test_model.py",),
    ),
    Mutant(
        "the mean of a forgotten class stays",
        "memory/operations.py",
        "counts[number], means[number] = 0, 0",
        "counts[number] = 0",
        ("memory/test_model.py",),
    ),
    Mutant(
        "the stored examples of a forgotten class stay in the calibration set",
        "memory/model.py",
        "space=replace(model.space, seen=seen).with_calibration_set(model.kept)",
        "space=replace(model.space, seen=seen)",
        ("memory/test_memory.py", "memory/test_store.py"),
    ),
    Mutant(
        "an undone change stays in the columns",
        "memory/corrections.py",
        "erased = [number for number in columns if number not in same]",
        "erased = []",
        ("memory/test_corrections.py",),
    ),
    Mutant(
        "a rename draws other read noise",
        "memory/query.py",
        "model.events - model.renames",
        "model.events",
        ("memory/test_corrections.py",),
    ),
    Mutant(
        "a part of a former state may be missing",
        "memory/storage/rollback.py",
        "!= set(parts)",
        "< set(parts)",
        ("memory/test_corrections.py",),
    ),
    Mutant(
        "labels of two kinds may be mixed",
        "memory/labels.py",
        '    if len(kinds) > 1:\n        raise InsituError(\n            f"labels of a memory',
        '    if len(kinds) > 9:\n        raise InsituError(\n            f"labels of a memory',
        ("memory/test_labels.py", "memory/test_memory.py"),
    ),
    Mutant(
        "a feature that does not vary has the scale 1",
        "memory/space.py",
        "scale = np.where(spread > 0, spread, np.inf)",
        "scale = np.where(spread > 0, spread, 1.0)",
        ("memory/test_units.py", "memory/test_memory.py"),
    ),
    Mutant(
        "what is acknowledged may still be lost with the power",
        "memory/storage/database.py",
        'connection.execute("PRAGMA journal_mode = WAL")\n    connection.execute("PRAGMA synchronous = FULL")',
        'connection.execute("PRAGMA journal_mode = WAL")\n    connection.execute("PRAGMA synchronous = OFF")',
        ("memory/test_identity.py",),
    ),
    Mutant(
        "a row of the journal does not cover those before it",
        "memory/storage/journal.py",
        "return digest_of(before, ",
        'return digest_of(b"", ',
        ("memory/test_store.py", "memory/test_damage.py"),
    ),
    Mutant(
        "two writers at once",
        "memory/storage/connections.py",
        "BEGIN EXCLUSIVE",
        "BEGIN",
        ("memory/test_store.py",),
    ),
]
