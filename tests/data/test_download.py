"""Downloads from a server of our own: whole, broken off, resumed, refused, wrong."""

from __future__ import annotations

import gzip
import hashlib
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from insitu.core import InsituError, cache_folder
from insitu.data import Archive, download, paths
from insitu.data.cifar100 import Cifar100
from insitu.data.omniglot import Omniglot

DATA = np.random.default_rng(0).bytes(300_000)
MD5 = "md5:" + hashlib.md5(DATA).hexdigest()


@dataclass
class Shelf:
    """What the server offers, how it behaves, and what it was asked and has sent."""

    url: str
    data: bytes = DATA
    ranges: bool = True
    breaks_after: int | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[str | None] = field(default_factory=list)
    sent: int = 0


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.asked.append(wanted)
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and state.ranges else 0
            if state.status:
                self.send_error(state.status)
            elif start >= len(state.data):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(state.data)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self.send_response(206 if wanted and state.ranges else 200)
                if wanted and state.ranges:
                    self.send_header("Content-Range", f"bytes {start}-{len(state.data) - 1}/{len(state.data)}")
                self.send_header("Content-Length", str(len(state.data) - start))
                for name, value in state.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                body = state.data[start:][: state.breaks_after]
                state.sent += len(body)
                self.wfile.write(body)
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state = Shelf(f"http://127.0.0.1:{server.server_port}/some.bin")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield state
        server.shutdown()
        thread.join()


@pytest.fixture
def offered(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """CIFAR-100 as one file of random bytes on our own server."""
    monkeypatch.setattr(Cifar100, "archives", (Archive("some.bin", shelf.url, MD5, len(DATA)),))
    return shelf


def here() -> dict[str, int]:
    folder = paths.download_folder()
    return {file.name: file.stat().st_size for file in folder.iterdir()} if folder.exists() else {}


def refused(name: str, *says: str) -> None:
    with pytest.raises(InsituError) as caught:
        download.fetch(name)
    message = str(caught.value)
    assert "\n" not in message
    for text in says:
        assert text in message


def test_fetch(offered: Shelf, capfd: pytest.CaptureFixture[str]) -> None:
    path = download.fetch("cifar100")
    assert path == paths.download_folder() / "some.bin"
    assert path.read_bytes() == DATA
    assert here() == {"some.bin": len(DATA)}
    assert download.fetch("cifar100") == path
    assert offered.asked == [None], "what is there is not fetched again"
    assert capfd.readouterr() == ("", ""), "no terminal, no progress"


def test_progress_goes_to_a_terminal(
    offered: Shelf, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    download.fetch("cifar100")
    out, err = capsys.readouterr()
    assert out == ""
    assert "some.bin" in err


@pytest.mark.parametrize("breaks_after", [1, 65_536, 250_000])
def test_broken_off_then_resumed(offered: Shelf, breaks_after: int) -> None:
    offered.breaks_after = breaks_after
    refused("cifar100", "the connection broke after", "127.0.0.1", "resumes where it stopped")
    assert here() == {"some.bin.part": breaks_after}
    offered.breaks_after = None
    offered.sent = 0
    assert download.fetch("cifar100").read_bytes() == DATA
    assert offered.sent == len(DATA) - breaks_after, "only the rest was sent"
    assert offered.asked == [None, f"bytes={breaks_after}-"]
    assert here() == {"some.bin": len(DATA)}


def part(data: bytes) -> None:
    paths.download_folder().mkdir(parents=True)
    (paths.download_folder() / "some.bin.part").write_bytes(data)


def test_server_without_range_restarts(offered: Shelf) -> None:
    part(DATA[:1000])
    offered.ranges = False
    assert download.fetch("cifar100").read_bytes() == DATA
    assert offered.sent == len(DATA)
    assert here() == {"some.bin": len(DATA)}


def test_part_that_is_all(offered: Shelf) -> None:
    part(DATA)
    assert download.fetch("cifar100").read_bytes() == DATA
    assert offered.sent == 0


def test_part_that_is_longer_than_all(offered: Shelf) -> None:
    part(DATA + b"more")
    assert download.fetch("cifar100").read_bytes() == DATA
    assert offered.asked == [f"bytes={len(DATA) + 4}-", None]


def test_part_of_something_else_is_deleted(offered: Shelf) -> None:
    part(b"x" * 1000)
    refused("cifar100", "some.bin", "does not have the checksum", MD5, "was deleted")
    assert here() == {}
    assert download.fetch("cifar100").read_bytes() == DATA


def test_wrong_checksum(offered: Shelf) -> None:
    offered.data = DATA[::-1]
    refused("cifar100", "some.bin", "does not have the checksum", "was deleted", "run it again")
    assert here() == {}


def test_damaged_file_is_fetched_again(offered: Shelf) -> None:
    paths.download_folder().mkdir(parents=True)
    (paths.download_folder() / "some.bin").write_bytes(DATA[:100])
    assert download.fetch("cifar100").read_bytes() == DATA


def test_what_a_server_calls_packed_is_kept_packed(offered: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    offered.data = gzip.compress(DATA)
    offered.headers = {"Content-Encoding": "x-gzip"}
    checksum = "md5:" + hashlib.md5(offered.data).hexdigest()
    monkeypatch.setattr(Cifar100, "archives", (Archive("some.bin", offered.url, checksum),))
    assert download.fetch("cifar100").read_bytes() == offered.data


@pytest.mark.parametrize("status", [403, 404, 503])
def test_refusal_of_the_server(offered: Shelf, status: int) -> None:
    offered.status = status
    refused("cifar100", offered.url, str(status), "insitu data path")
    assert here() == {}


def test_offline(offered: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cifar100, "archives", (Archive("some.bin", "http://127.0.0.1:9/some.bin", MD5),))
    refused("cifar100", "could not fetch http://127.0.0.1:9/some.bin", "no answer", "127.0.0.1 can be reached")
    assert here() == {}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_full_disk(offered: Shelf) -> None:
    paths.download_folder().mkdir(parents=True)
    (paths.download_folder() / "some.bin.part").symlink_to("/dev/full")
    refused("cifar100", "could not write", "No space left on device", "free some space")
    assert "some.bin" not in here()


def test_cache_that_is_a_file(offered: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("INSITU_CACHE", str(tmp_path / "file"))
    refused("cifar100", "could not write")


def test_several_archives(offered: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    both = tuple(Archive(name, offered.url, MD5) for name in ("one.zip", "two.zip"))
    monkeypatch.setattr(Omniglot, "archives", both)
    assert download.fetch("omniglot") == paths.download_folder()
    assert here() == {"one.zip": len(DATA), "two.zip": len(DATA)}


def test_what_cannot_be_fetched() -> None:
    refused("miniimagenet", "cannot be fetched automatically", "miniimagenet_fscil.zip", str(paths.download_folder()))
    refused("folder", "cannot be fetched", "your own images")


@pytest.mark.parametrize(
    ("given", "close"), [("cifar1000", "cifar100"), ("mini-image-net", "miniimagenet"), ("omnigot", "omniglot")]
)
def test_unknown_name(given: str, close: str) -> None:
    refused(given, given, close)


def test_where(tmp_path: Path, mini: Path, monkeypatch: pytest.MonkeyPatch, packed: Path) -> None:
    lines = download.where()
    text = "\n".join(lines)
    assert all("\n" not in line for line in lines)
    for name in ("cifar100:", "folder:", "miniimagenet:", "omniglot:"):
        assert sum(line.startswith(name) for line in lines) == 1
    assert f"  in {tmp_path / 'data'}: found miniimagenet" in lines
    assert f"  in {tmp_path / 'data'}: found omniglot105_packed.npz" in lines
    assert f"  in {tmp_path / 'data'}: not there" in lines
    assert f"  in {paths.download_folder()}: no such folder" in lines
    assert "get it: insitu data get cifar100 (161 MiB)" in text
    assert "get it: insitu data get omniglot (15 MiB)" in text
    assert "get it: insitu data get miniimagenet" not in text
    assert "(0 MiB)" not in text
    for terms in ("non-commercial research", "MIT", "free for research", "not verified on the real archive"):
        assert terms in text
    monkeypatch.delenv("INSITU_DATA")
    assert not any(str(tmp_path / "data") in line for line in download.where())


def test_folders_in_the_home_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INSITU_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_folder() == Path.home() / ".cache" / "insitu"
    monkeypatch.setenv("XDG_CACHE_HOME", "~/elsewhere")
    assert cache_folder() == Path.home() / "elsewhere" / "insitu"


def test_layouts_are_found_whole(tmp_path: Path) -> None:
    layouts = (("a", "b"), ("c",))
    folders = [tmp_path / "data", tmp_path]
    (tmp_path / "data" / "a").touch()
    (tmp_path / "c").touch()
    assert paths.locate(layouts, folders) == (tmp_path / "c",)
    (tmp_path / "data" / "b").touch()
    assert paths.find("some", layouts, folders) == (tmp_path / "data" / "a", tmp_path / "data" / "b")
