"""Room for latents of a binary network as C, so that CWR* on the device replays them."""

from __future__ import annotations

from pathlib import Path

from insitu.export.folder import comment, write_part
from insitu.learners.integer_replay import ReplayBuffer

FILES = ("insitu_replay.h", "insitu_replay.c", "insitu.h")


def export_replay(replay: ReplayBuffer, folder: Path) -> list[Path]:
    """Write the C sources of a store of latents, empty, as large as ``replay``; return the files."""
    return write_part(folder, FILES, {"replay.c": replay_source(replay)})


def replay_source(replay: ReplayBuffer) -> str:
    """Return ``replay.c``."""
    (capacity, words), classes = replay.latents.shape, len(replay.held)
    return f"""{comment(f"room for {capacity} latents of {words} words, of {classes} classes")}
#include "insitu_replay.h"

static uint32_t latents[{capacity * words}u], seen[{classes}];
static uint16_t of[{capacity}], held[{classes}];

insitu_replay insitu_exported_replay = {{{capacity}, {classes}, {words}, latents, of, seen, held, 0, 1}};
"""
