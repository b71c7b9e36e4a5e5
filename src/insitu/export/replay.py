"""Room for latents of a binary network as C, so that CWR* on the device replays them."""

from __future__ import annotations

from pathlib import Path

from insitu.backbones.binary.integer import IntegerNetwork
from insitu.core import write_text
from insitu.export.folder import copy_sources
from insitu.learners.integer_replay import ReplayBuffer

FILES = ("insitu_replay.h", "insitu_replay.c", "insitu.h")


def latent_words(network: IntegerNetwork) -> int:
    """Return the words of 32 bits of a latent."""
    return network.sides[-1] ** 2 * -(-network.last.channels // 32)


def export_replay(replay: ReplayBuffer, folder: Path) -> list[Path]:
    """Write the C sources of a store of latents, empty, as large as ``replay``; return the files."""
    copied = copy_sources(FILES, folder)
    write_text(Path(folder) / "replay.c", replay_source(replay))
    return [*copied, Path(folder) / "replay.c"]


def replay_source(replay: ReplayBuffer) -> str:
    """Return ``replay.c``."""
    (capacity, words), classes = replay.latents.shape, len(replay.held)
    return f"""/* Written by `insitu export c`. Room for latents. */
#include "insitu_replay.h"

static uint32_t latents[{capacity * words}u], seen[{classes}];
static uint16_t of[{capacity}], held[{classes}];

insitu_replay insitu_exported_replay = {{{capacity}, {classes}, {words}, latents, of, seen, held, 0, 1}};
"""
