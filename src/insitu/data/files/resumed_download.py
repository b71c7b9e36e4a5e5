"""Downloads that resume after an interruption, by HTTP Range onto a file that ends in ``.part``."""

from __future__ import annotations

import sys
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import requests  # comes with pooch, as does urllib3
import urllib3
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from insitu.core import InsituError

BLOCK_BYTES = 1 << 16
TIMEOUT_S = 30.0  # without any data from the server


def get(url: str, part: Path) -> None:
    """Fetch the rest of ``url`` onto ``part``; where that fails, what was received is kept for the next call."""
    have = part.stat().st_size if part.exists() else 0
    # identity: compression by the server would change the bytes that the Range counts
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as answer:
            offered = answer.headers.get("Content-Range", "")
            if answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
                if offered == f"bytes */{have}":
                    return  # it was complete
                restart = True
            elif answer.status_code == HTTPStatus.PARTIAL_CONTENT:
                restart = have > 0 and not offered.startswith(f"bytes {have}-")
            elif answer.status_code == HTTPStatus.OK:
                restart, have = False, 0  # a server without Range sends everything
            else:
                raise InsituError(
                    f"{url} was answered with {answer.status_code} {answer.reason}; try again later, or see "
                    "'insitu data path' for where else to get it"
                )
            if not restart:
                _save(answer, part, have)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        received = part.stat().st_size if part.exists() else 0
        why = f"the connection broke after {received / 2**20:.1f} MiB" if received else "no answer"
        raise InsituError(
            f"could not fetch {url}: {why} ({type(error).__name__}); check that {urlsplit(url).hostname} can be "
            f"reached and run it again: it resumes where it stopped; or put {part.stem} into {part.parent} yourself"
        ) from error
    if restart:  # the part is not the beginning of the file
        part.unlink()
        get(url, part)


def _save(answer: requests.Response, part: Path, have: int) -> None:
    length = answer.headers.get("Content-Length")
    columns = (TextColumn(part.stem), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with (
        part.open("ab" if have else "wb") as file,
        Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress,
    ):
        bar = progress.add_task("", total=have + int(length) if length else None, completed=have)
        # raw: requests would unpack what a server declares compressed, which a .gz often is
        for block in answer.raw.stream(BLOCK_BYTES, decode_content=False):
            file.write(block)
            progress.advance(bar, len(block))
