"""Damage the test files of every exporter in many ways, and see that none ends in a traceback.

    python scripts/mutate_files.py --count 10000 --seed 0

Each file is changed at a few places, cut, doubled or mixed with another, then read: it must give a
history or an error of lstmcast's own. What fails is written to `--keep FOLDER`. A small sample of
the same mutations is a test.
"""

import argparse
import random
import sys
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from lstmcast.errors import LstmcastError
from lstmcast.prices.sources import SourceOptions, get_source
from lstmcast.prices.sources.files import ReadOptions

EXPORTS = Path(__file__).parent.parent / "tests" / "prices" / "files" / "exports"
CELLS = (
    b"", b",", b";", b"\t", b'"', b"\n", b"\r", b"\x00", b"-", b"--", b"nan", b"inf", b"1e400",
    b"0", b"-1", b"99999999999999999999", b"2024-13-45", b"0000-00-00", b"9999-12-31", b"1.2.3",
    b"1,2,3", b"\xff\xfe", b"\xef\xbb\xbf", b"\xe4\xb8", b"Date", b"Close", b"AAPL", b"(((", b"\\",
    b"%", b"1:0", b"4:1 Stock Splits", b"0.25 Dividend", b"sep=;", b"1" * 400,
    b"1969-12-31T23:59:60Z",
)  # fmt: skip
SWAPS = ((b",", b";"), (b".", b","), (b"-", b"/"), (b"\n", b"\r"), (b"0", b""))


def mutated(content: bytes, other: bytes, chance: random.Random) -> bytes:
    """Return the content of a file with one to four damages."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(content) + 1)
        to = min(len(content), at + chance.choice((1, 1, 2, 5, 40)))
        kind = chance.randrange(9)
        if kind == 0:
            content = content[:at] + chance.choice(CELLS) + content[at:]
        elif kind == 1:
            content = content[:at] + chance.choice(CELLS) + content[to:]
        elif kind == 2:
            content = content[:at] + content[to:]
        elif kind == 3:
            content = content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :]
        elif kind == 4:
            content = content[:at]
        elif kind == 5:
            content = content[:at] + content[max(0, at - 60) :]
        elif kind == 6:
            content = content[:at] + other[chance.randrange(len(other)) :]
        elif kind == 7:
            lines = content.split(b"\n")
            chance.shuffle(lines)
            content = b"\n".join(lines)
        else:
            old, new = chance.choice(SWAPS)
            content = content.replace(old, new, chance.choice((1, -1)))
    return content


def cases(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Return `count` damaged files with a name that says which they are."""
    files = sorted(path for path in EXPORTS.iterdir() if path.is_file())
    chance = random.Random(seed)  # noqa: S311  # damage, not secrets
    for number in range(count):
        path, other = files[number % len(files)], chance.choice(files)
        name = f"{seed}-{number}-{path.name}"
        yield name, mutated(path.read_bytes(), other.read_bytes(), chance)


def outcome(path: Path) -> str:
    """Return what reading a file ends in: `read`, or the name of an error of lstmcast's own.

    Whose file it is, is looked at for files of an even size only, so that others get further.
    """
    whose = {} if path.stat().st_size % 2 == 0 else {"symbol": "-"}
    options = SourceOptions(path=path, reading=ReadOptions(columns=whose))
    try:
        get_source("csv", options).fetch("AAPL")
    except LstmcastError as error:
        return type(error).__name__
    return "read"


def main() -> None:
    """Read all cases, count how they end, and exit with 1 if one ends in a traceback."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("mutated"))
    arguments = parser.parse_args()
    arguments.keep.mkdir(parents=True, exist_ok=True)
    ends: Counter[str] = Counter()
    for name, content in cases(arguments.count, arguments.seed):
        path = arguments.keep / name
        path.write_bytes(content)
        try:
            ends[outcome(path)] += 1
        except BaseException as error:  # whatever it is, it is counted and shown
            if isinstance(error, KeyboardInterrupt):
                raise
            ends[f"traceback: {type(error).__name__}"] += 1
            print(name)
            traceback.print_exc(limit=-3)
            continue
        path.unlink()
    for kind, number in ends.most_common():
        print(f"{number:7,}  {kind}")
    sys.exit(any(kind.startswith("traceback") for kind in ends))


if __name__ == "__main__":
    main()
