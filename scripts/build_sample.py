"""Build the bundled sample from a folder of WIKI price files.

    python scripts/build_sample.py FOLDER

FOLDER holds AAPL.csv.gz, GOOG.csv.gz, IBM.csv.gz and MSFT.csv.gz with the columns date, open, high,
low, close, adj_close, volume. The same input gives the same file, to the byte.
"""

import gzip
import hashlib
import io
import sys
from pathlib import Path

import pandas as pd

SYMBOLS = ("AAPL", "GOOG", "IBM", "MSFT")
COLUMNS = ["date", "open", "high", "low", "close", "adj_close", "volume"]
TARGET = Path(__file__).parents[1] / "lstmcast/prices/sources/sample_data/wiki-2000-2013.csv.gz"


def build(folder: Path) -> bytes:
    """Return the sample file's content: the symbols one after the other, gzipped."""
    frames = []
    for symbol in SYMBOLS:
        # as text, so that every number stays as it was written
        frame = pd.read_csv(folder / f"{symbol}.csv.gz", dtype="str")[COLUMNS]
        frame.insert(0, "symbol", symbol)
        frames.append(frame)
    text = io.StringIO()
    pd.concat(frames).to_csv(text, index=False, lineterminator="\n")
    return gzip.compress(text.getvalue().encode(), compresslevel=9, mtime=0)


def main() -> None:
    """Write the file and say what it is."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    content = build(Path(sys.argv[1]))
    TARGET.write_bytes(content)
    print(f"{TARGET}: {len(content)} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
