"""Named data sets are found in the right order, and a download is whole and verified or not there at all."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest

from gatewise.base.errors import DataError
from gatewise.data import named as datasets

CONTENT = bytes(range(256)) * 1000
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT; the server's attributes say how badly."""

    def do_GET(self) -> None:
        start = 0
        wanted = self.headers.get("Range")
        self.server.ranges.append(wanted)
        if wanted and self.server.resumes:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        else:
            self.send_response(self.server.status)
        body = self.server.body[start:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.most])

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.body, server.most, server.status, server.resumes, server.ranges = CONTENT, None, 200, True, []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the tests off the user's cache, proxies and network."""
    monkeypatch.delenv("GATEWISE_DATA", raising=False)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / "cache" / name))
    monkeypatch.setattr(datasets, "IMDB_URL", "http://127.0.0.1:9/aclImdb_v1.tar.gz")


def fetch(server: ThreadingHTTPServer, target: Path, **options: object) -> Path:
    url = f"http://127.0.0.1:{server.server_port}/file.bin"
    return datasets.download(url, target, **{"size": len(CONTENT), "md5": MD5, **options})


def test_datasets_download_whole(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    target, seen = tmp_path / "new" / "file.bin", []
    assert fetch(server, target, progress=lambda done, total: seen.append((done, total))) == target
    assert target.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT)) and seen == sorted(seen)
    assert [path.name for path in target.parent.iterdir()] == ["file.bin"]


@pytest.mark.parametrize("resumes", [True, False])
def test_datasets_download_truncated_then_again(server: ThreadingHTTPServer, tmp_path: Path, resumes: bool) -> None:
    target = tmp_path / "file.bin"
    server.most, server.resumes = 100_000, resumes
    with pytest.raises(DataError, match=r"stopped at 100,000 of 256,000 bytes .*; run the same again to resume"):
        fetch(server, target)
    assert not target.exists() and (tmp_path / "file.bin.part").stat().st_size == 100_000
    server.most = None
    assert fetch(server, target).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=100000-"]
    assert not (tmp_path / "file.bin.part").exists()


@pytest.mark.parametrize("body", [CONTENT[::-1], CONTENT + b"more"])
def test_datasets_download_wrong_file(server: ThreadingHTTPServer, tmp_path: Path, body: bytes) -> None:
    server.body = body
    with pytest.raises(DataError, match="did not send the expected file"):
        fetch(server, tmp_path / "file.bin")
    assert list(tmp_path.iterdir()) == []


def test_datasets_download_stops_at_the_size_cap(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    done = []
    with pytest.raises(DataError):
        fetch(server, tmp_path / "file.bin", size=1000, progress=lambda now, total: done.append(now))
    assert max(done) == 1001


def test_datasets_download_complete_part_needs_no_server(tmp_path: Path) -> None:
    (tmp_path / "file.bin.part").write_bytes(CONTENT)
    target = datasets.download("http://127.0.0.1:9/", tmp_path / "file.bin", size=len(CONTENT), md5=MD5)
    assert target.read_bytes() == CONTENT


def test_datasets_download_refused_or_offline(server: ThreadingHTTPServer, tmp_path: Path) -> None:
    server.status, server.body = 404, b""
    with pytest.raises(DataError, match=r"HTTP Error 404.*put it at .*file\.bin"):
        fetch(server, tmp_path / "file.bin")
    with pytest.raises(DataError, match=r"Could not download .*put it at .*aclImdb_v1\.tar\.gz"):
        datasets.locate("imdb")


def test_datasets_imdb_prefers_data_folder_then_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cached = tmp_path / "cache" / "gatewise" / "imdb" / "aclImdb_v1.tar.gz"
    cached.parent.mkdir(parents=True)
    cached.touch()
    own = tmp_path / "data" / "imdb"
    monkeypatch.setenv("GATEWISE_DATA", str(tmp_path / "data"))
    assert datasets.locate("imdb") == cached
    for place, found in [
        (own / "aclImdb_v1.tar.gz", own / "aclImdb_v1.tar.gz"),
        (own / "aclImdb" / "train" / "pos" / "0_9.txt", own / "aclImdb"),
        (own / "train.parquet", own),
    ]:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
        assert datasets.locate("imdb") == found


def test_datasets_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(DataError, match="'imbd' is neither a file or folder here nor a named data set; did you mean"):
        datasets.locate("imbd")
    with pytest.raises(DataError, match="the named data sets are imdb and reviews"):
        datasets.locate("some/where.csv")


def test_datasets_reviews_come_with_the_package() -> None:
    files = {path.name: path.stat().st_size for path in datasets.locate("reviews").iterdir()}
    assert set(files) == {"README.md", "test.parquet", "train.parquet"} and sum(files.values()) < 4_000_000


def test_named_words_come_with_the_package():
    place = datasets.locate_words("wikigold")
    assert {path.name for path in place.iterdir()} == {"README.md", "train.conll", "test.conll"}
    card = (place / "README.md").read_text(encoding="utf-8")
    for name in ("train.conll", "test.conll"):
        content = (place / name).read_text(encoding="utf-8")
        sentences = [block for block in content.split("\n\n") if not block.startswith("-DOCSTART-")]
        entities = sum(
            tag != "O" and tag != before
            for block in sentences
            for before, tag in pairwise(["O", *(line.rsplit(" ", 1)[1] for line in block.strip().split("\n"))])
        )
        tokens = sum(block.strip().count("\n") + 1 for block in sentences)
        documents = content.count("-DOCSTART-")
        row = f"| {documents} | {len(sentences):,} | {tokens:,} | {entities:,} |"
        assert f"| `{name}` {row}" in card
        assert f" {len(content.encode()):,} |" in card


@pytest.mark.parametrize(
    ("find", "name", "said"),
    [
        (datasets.locate, "wikigold", "has a label for each word, not for each text; use it with gatewise tag."),
        (datasets.locate_words, "reviews", "has a label for each text, not for each word; use it with gatewise train."),
        (datasets.locate_words, "wikigod", "did you mean wikigold?"),
        (datasets.locate_words, "zzz", "'zzz' is neither a file or folder here nor a named data set; the only named"),
    ],
)
def test_named_data_of_the_other_kind(find, name, said):
    with pytest.raises(DataError) as error:
        find(name)
    assert said in str(error.value)
