"""From the bytes of a file to its text: unpacking and decoding, by what the bytes say.

Unicode comes first: by its mark, or as UTF-8, which other text hardly ever is by chance. Where it
fails, the encodings of Asian and Western exporters are tried, and the one under which the first
lines have the most names of columns is taken. (General guessers were tried on such headers: they
took GBK for cp949 and cp1252 for cp864. The names that are looked for tell more.)
"""

import codecs
import gzip
import io
import zipfile
import zlib
from pathlib import Path

from lstmcast.errors import DataError, UsageError
from lstmcast.prices.sources.files.names import lines_of
from lstmcast.reading import read_beyond, size

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CANDIDATES = ("gb18030", "cp949", "cp932", "big5", "cp1254", "cp1250", "cp1251", "cp1252")
LARGEST = 2**29
"""Bytes up to which a packed file is unpacked: ten million rows."""


def unpack(path: Path, content: bytes) -> bytes:
    """Return the content of a gzip file or of a zip file with one member, else `content`.

    Raises:
        DataError: damaged, several members, or locked by a password.
    """
    if content[:2] == b"\x1f\x8b":
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
                unpacked = read_beyond(file, LARGEST)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(f"`{path}` is a damaged gzip file: {error}") from error
        if len(unpacked) > LARGEST:
            raise _too_large(path)
        return unpacked
    if content[:4] == b"PK\x03\x04" and not is_workbook(content):
        return _only_member(path, content)
    return content


def is_workbook(content: bytes) -> bool:
    """Whether the content is a sheet of Excel or OpenDocument."""
    if content[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":  # the container of .xls
        return True
    if content[:4] != b"PK\x03\x04":
        return False
    try:
        names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return False
    return any(name.startswith("xl/") for name in names) or "content.xml" in names


def _only_member(path: Path, content: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [
                item
                for item in archive.infolist()
                if not item.is_dir() and not item.filename.startswith("__MACOSX/")
            ]
            if len(members) != 1:
                names = ", ".join(item.filename for item in members[:5])
                raise DataError(
                    f"`{path}` packs {len(members)} files: {names}",
                    hint="unpack it and give the file with `--path FILE`, or the folder",
                )
            if members[0].file_size > LARGEST:
                raise _too_large(path)
            with archive.open(members[0]) as file:
                unpacked = read_beyond(file, LARGEST)
            if len(unpacked) > LARGEST:
                raise _too_large(path)
            return unpacked
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise DataError(f"`{path}` is a damaged zip file: {error}") from error
    except (RuntimeError, NotImplementedError) as error:
        raise DataError(
            f"`{path}` cannot be unpacked: {error}", hint="unpack it and give the file"
        ) from error


def _too_large(path: Path) -> DataError:
    return DataError(
        f"`{path}` unpacks to more than {size(LARGEST)}",
        hint="unpack it, and give a file for each symbol",
    )


def decode(path: Path, content: bytes, encoding: str | None) -> tuple[str, str]:
    """Return the text of a file and a note of how it was decoded, empty for UTF-8.

    Args:
        path: the file, for messages.
        content: its bytes, unpacked.
        encoding: what `--encoding` says; None finds it out.

    Raises:
        UsageError: an encoding that there is not.
        DataError: the bytes are not text, or not in that encoding.
    """
    if encoding is not None:
        try:
            return content.decode(encoding).removeprefix("\ufeff"), f"decoded as {encoding}"
        except LookupError as error:
            raise UsageError(
                f"`--encoding` is {encoding!r}, which is not an encoding",
                hint="such as utf-8, utf-16, gb18030, cp949, cp932 or cp1252",
            ) from error
        except UnicodeError as error:
            raise DataError(f"`{path}` is not text in {encoding}", hint=_ASK) from error
    for mark, name in MARKS:
        if content.startswith(mark):
            try:
                return content.decode(name), "" if name == "utf-8-sig" else f"decoded as {name}"
            except UnicodeError as error:
                raise DataError(f"`{path}` is not a text file in {name}", hint=_ASK) from error
    if (wide := _without_mark(content)) is not None:
        return wide
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return _guess(path, content)
    text = text.rstrip("\x00")  # blocks that were reserved and never written
    if "\x00" in text:
        raise DataError(f"`{path}` is not a text file", hint=_SAVE)
    return text, ""


_ASK = "say which encoding it is with `--encoding NAME`"
_SAVE = "save it as CSV, or give a CSV, Parquet, Feather or Excel file"


def _without_mark(content: bytes) -> tuple[str, str] | None:
    """Return UTF-16 without its mark: every other byte of the first line is zero."""
    head = content[:200]
    for name, zeros, others in (
        ("utf-16-le", head[1::2], head[::2]),
        ("utf-16-be", head[::2], head[1::2]),
    ):
        if len(head) > 8 and zeros.count(0) > 0.8 * len(zeros) and not others.count(0):
            try:
                return content.decode(name), f"decoded as {name}"
            except UnicodeError:
                return None
    return None


def _guess(path: Path, content: bytes) -> tuple[str, str]:
    head = b"\n".join(content[:20_000].replace(b"\r", b"\n").split(b"\n")[:40])
    if _unprintable(head) > 0.02:
        raise DataError(f"`{path}` is not a text file", hint=_SAVE)
    scores = {}
    for name in CANDIDATES:
        try:
            text = content.decode(name)
        except UnicodeDecodeError:
            continue
        scores[name] = _known_names(text[:8000])
    best = max(scores.values(), default=0)
    if best == 0 and "cp1252" in scores:  # no name needs decoding: only remarks do
        name = "cp1252"
    elif scores and best > 0:
        name = next(item for item in ("cp1252", *CANDIDATES) if scores.get(item) == best)
    else:
        raise DataError(f"`{path}` is not a text file in UTF-8", hint=_ASK)
    return content.decode(name), f"decoded as {name}"


def _unprintable(head: bytes) -> float:
    odd = sum(byte < 32 and byte not in b"\t\n\r\f\x1a" for byte in head)
    return odd / max(len(head), 1)


def _known_names(text: str) -> int:
    """Return how many cells of the first lines are names that some exporter writes."""
    cells = [
        cell
        for line in text.splitlines()[:20]
        for cell in line.replace(";", ",").replace("\t", ",").replace("|", ",").split(",")
    ]
    return sum(bool(cell.strip(' "')) and bool(lines_of(cell)) for cell in cells)
