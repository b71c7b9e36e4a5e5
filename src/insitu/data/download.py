"""Download of the archives of data sets, and a list of where they are searched for."""

from __future__ import annotations

import logging
from pathlib import Path

import pooch

from insitu import catalog
from insitu.core import InsituError
from insitu.data import Archive, DataSet, paths
from insitu.data.files import resumed_download


def fetch(data_set_name: str) -> Path:
    """Download the archives of ``data_set_name`` into the cache and check them; return the archive.

    Where there are several, return their folder. A complete archive is not downloaded again.
    """
    kind = _kind(catalog.find(data_set_name, "data"))
    folder = paths.download_folder()
    if not kind.archives:
        raise InsituError(f"{data_set_name} cannot be fetched: {kind.origin}")
    for archive in kind.archives:
        if not archive.url:
            raise InsituError(
                f"{data_set_name} cannot be fetched automatically; put {archive.name} into {folder}, or set "
                f"INSITU_DATA to the folder it is in. {kind.origin}"
            )
    fetched = [_fetched(archive, folder) for archive in kind.archives]
    return fetched[0] if len(fetched) == 1 else folder


def where() -> list[str]:
    """Return lines about every data set: names searched for, whether they are there, where to get it, terms."""
    lines = []
    for part in catalog.parts("data"):
        kind = _kind(part)
        lines.append(f"{part.name}: {part.summary}")
        if kind.layouts:
            lines.append(f"  looked for: {paths.spelled(kind.layouts)}")
            for folder in paths.data_folders():
                found = paths.locate(kind.layouts, [folder])
                what = f"found {' with '.join(path.name for path in found)}" if found else "not there"
                lines.append(f"  in {folder}: {what if folder.is_dir() else 'no such folder'}")
        lines.append(f"  from: {kind.origin}")
        if any(archive.url for archive in kind.archives):
            size = sum(archive.size_bytes or 0 for archive in kind.archives) / 2**20
            lines.append(f"  get it: insitu data get {part.name}" + (f" ({size:.0f} MiB)" if size else ""))
        lines.append(f"  terms: {kind.terms}")
        if kind.verified:
            lines.append(f"  note: {kind.verified}")
    return lines


def _kind(part: catalog.Part) -> type[DataSet]:
    kind: type[DataSet] = catalog.load(part)
    return kind


def _fetched(archive: Archive, folder: Path) -> Path:
    part = folder / f"{archive.name}.part"

    def resume(url: str, file: str, _: object) -> None:
        resumed_download.get(url, part)
        part.replace(file)

    pooch.get_logger().setLevel(logging.WARNING)  # the download has a progress bar of its own
    try:
        return Path(pooch.retrieve(archive.url, archive.checksum, archive.name, folder, downloader=resume))
    except ValueError as error:  # by now the file is deleted
        raise InsituError(
            f"{archive.name} from {archive.url} does not have the checksum {archive.checksum} and was deleted; "
            f"run it again, or put the right file into {folder}"
        ) from error
    except OSError as error:
        raise InsituError(
            f"could not write {folder / archive.name}: {error.strerror or error}; free some space or set INSITU_CACHE, "
            "then run it again: it resumes where it stopped"
        ) from error
