"""Turn the name of a data set into a path on this machine, downloading and verifying it where needed.

Knows where data lies and what bytes to expect, not what is in them: that is `reading`.
"""

import difflib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from gatewise.base.errors import DataError, one_line

NAMES = ("imdb", "reviews")
OF_WORDS = ("wikigold",)  # those whose words bear the labels, for tagging
OF_SERIES = ("seattle",)  # those of values over time, for forecasting
SAMPLES = Path(__file__).parent.parent / "samples"
IMDB_URL = "http://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"
IMDB_SIZE = 84_125_825
IMDB_MD5 = "7c2ac02c03563afcf9b574c7e56c153a"
IMDB_LABELS: dict[str | None, str] = {"0": "negative", "1": "positive", "neg": "negative", "pos": "positive"}
IMDB_PARTS = {  # the names of its reviews inside the official folder and archive
    "train": r"train/(?P<label>neg|pos)/\d+_\d+\.txt",
    "test": r"test/(?P<label>neg|pos)/\d+_\d+\.txt",
    "unlabelled": r"train/unsup/\d+_\d+\.txt",
}

Progress = Callable[[int, int], None]


def locate(name: str, *, progress: Progress | None = None) -> Path:
    """Find a named data set on this machine, or download it.

    `reviews` comes with the package. `imdb` is looked for in `$GATEWISE_DATA/imdb`, then in the user's cache: a folder
    of Parquet files, an `aclImdb` folder or its archive; else the archive is downloaded to the cache, with
    `progress(done_bytes, total_bytes)`. Raises DataError for any other name and for a failed download.
    """
    if name == "reviews":
        return SAMPLES / name
    if name == "imdb":
        return _locate_imdb(progress)
    if name in OF_WORDS:
        raise DataError(f"{name} has a label for each word, not for each text; use it with gatewise tag.")
    if name in OF_SERIES:
        raise DataError(f"{name} has values over time, not texts; use it with gatewise forecast.")
    raise _unknown(name, NAMES)


def locate_words(name: str) -> Path:
    """Find a named data set of labelled words on this machine, all of which come with the package; raise DataError."""
    if name in OF_WORDS:
        return SAMPLES / name
    if name in NAMES:
        raise DataError(f"{name} has a label for each text, not for each word; use it with gatewise train.")
    if name in OF_SERIES:
        raise DataError(f"{name} has values over time, not words; use it with gatewise forecast.")
    raise _unknown(name, OF_WORDS)


def locate_series(name: str) -> Path:
    """Find a named data set of values over time on this machine, which come with the package; raise DataError."""
    if name in OF_SERIES:
        return SAMPLES / name / "weather.csv"
    if name in (*NAMES, *OF_WORDS):
        raise DataError(f"{name} has texts, not values over time; use it with gatewise train or gatewise tag.")
    raise _unknown(name, OF_SERIES)


def _unknown(name: str, known: tuple[str, ...]) -> DataError:
    near = difflib.get_close_matches(name.lower(), known)
    every = f"the named data sets are {' and '.join(known)}" if known[1:] else f"the only named data set is {known[0]}"
    hint = f"did you mean {' or '.join(near)}?" if near else f"{every}."
    return DataError(f"{one_line(name)!r} is neither a file or folder here nor a named data set; {hint}")


def _locate_imdb(progress: Progress | None) -> Path:
    from platformdirs import user_cache_dir  # late, as all that only a download needs: a file of one's own opens faster

    root = os.environ.get("GATEWISE_DATA")
    try:
        cache = Path(user_cache_dir("gatewise")) / "imdb"
    except RuntimeError as error:  # no HOME, and no such user
        if not root:
            raise DataError("imdb has no place, as there is no home folder; set HOME or GATEWISE_DATA.") from error
        cache = Path(root) / "imdb"
    archive = IMDB_URL.rpartition("/")[2]
    for place in [Path(root) / "imdb", cache] if root else [cache]:
        if any(place.glob("*.parquet")) or (place / "train" / "pos").is_dir():
            return place
        for form in (place / "aclImdb", place / archive):
            if form.exists():
                return form
    return download(IMDB_URL, cache / archive, size=IMDB_SIZE, md5=IMDB_MD5, progress=progress)


def download(url: str, target: Path, *, size: int, md5: str, progress: Progress | None = None) -> Path:
    """Fetch a file of known size (bytes) and MD5 into `target`, resuming what an earlier call left in `target`.part.

    The target appears whole and verified, or not at all. A broken transfer keeps the .part file and a wrong one
    deletes it; both raise DataError.
    """
    from http.client import HTTPException

    part = target.with_name(target.name + ".part")
    begun = part.stat().st_size if part.exists() else 0
    reason: Exception | str = "the connection closed early"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if begun < size:
            _fetch(url, part, begun, size, progress)
    except (OSError, HTTPException) as error:  # URLError and timeouts are OSErrors
        reason = error
    done = part.stat().st_size if part.exists() else 0
    if done == 0:
        raise DataError(f"Could not download {url} ({reason}); get the file by other means and put it at {target}.")
    if done < size:
        raise DataError(
            f"The download of {url} stopped at {done:,} of {size:,} bytes ({reason}); run the same again to resume, "
            f"or put the file at {target} by hand."
        )
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if done > size or digest != md5:
        part.unlink()
        raise DataError(f"{url} did not send the expected file (MD5 {digest}, not {md5}); it was deleted, try again.")
    part.replace(target)
    return target


def _fetch(url: str, part: Path, begun: int, size: int, progress: Progress | None) -> None:
    """Append what is missing to `part`, or begin again where the server will not resume."""
    import urllib.request

    request = urllib.request.Request(url, headers={"Range": f"bytes={begun}-"} if begun else {})
    with urllib.request.urlopen(request, timeout=30) as response:
        # A server without ranges answers 200 and sends everything: appending that would spoil the file.
        resumed = begun and response.headers.get("Content-Range", "").startswith(f"bytes {begun}-")
        with part.open("ab" if resumed else "wb") as file:
            # One byte past the expected size is enough to know that it is another file.
            while file.tell() <= size and (chunk := response.read(min(1 << 16, size + 1 - file.tell()))):
                file.write(chunk)
                if progress is not None:
                    progress(file.tell(), size)
            file.flush()
            os.fsync(file.fileno())
