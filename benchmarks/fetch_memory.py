"""The peak memory of `fetch` while Yahoo misbehaves, each time in a program of its own.

    python benchmarks/fetch_memory.py

Yahoo is a server of the tests on the loopback device. What counts is `ru_maxrss` of the program.
"""

import os
import sys
import tempfile
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.fake_yahoo import FakeYahoo, Fault, listing
from support.loopback import Authority, Loopback, Reply

MOST = 400
"""MiB that no attack may exceed."""


def bomb(mebibytes: int) -> Reply:
    """A small answer that unpacks to so much; its checksum is never reached."""
    packer = zlib.compressobj(9, wbits=31)
    begin = packer.compress(b" " * 2**20) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(b" " * 2**20) + packer.flush(zlib.Z_FULL_FLUSH)
    body = begin + block * (mebibytes - 1) + packer.flush()
    return Reply(body=body, headers=(("Content-Encoding", "gzip"),))


ENDLESS = Reply(body=b"0123456789abcdef" * 4096, endless=True)
DRIP = Reply(body=b"{" + b" " * 10_000, trickle=0.01)
HEADERS = Reply(body=b"x", headers=tuple((f"X-{n}", "y" * 60_000) for n in range(99)))
LOOP = Reply(302, b"", headers=(("Location", "https://query2.finance.yahoo.com/v8/again"),))

ATTACKS: dict[str, Fault | None] = {
    "nothing wrong": None,
    "3 MB of gzip for 3 GiB": Fault("chart", bomb(3 * 1024)),
    "endless body": Fault("chart", ENDLESS),
    "endless crumb": Fault("crumb", ENDLESS),
    "endless cookie page": Fault("cookie", ENDLESS),
    "6 MB of headers": Fault("chart", HEADERS),
    "redirects in a loop": Fault("chart", LOOP),
    "a byte at a time": Fault("chart", DRIP),
}


def peak(fault: Fault | None, authority: Authority) -> tuple[int, float]:
    """Exit code and peak memory in MiB of one fetch."""
    fake = FakeYahoo()
    fake.add(listing())
    if fault is not None:
        fake.faults.append(fault)
    with tempfile.TemporaryDirectory() as folder, Loopback(authority) as loopback:
        loopback.handlers["yahoo.com"] = fake
        environment = {k: v for k, v in os.environ.items() if not k.upper().endswith("_PROXY")}
        environment |= {**loopback.environment(), "XDG_CACHE_HOME": folder}
        process = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", "lstmcast", "--quiet", "fetch", "AAPL", "--timeout", "10",
             "--data-dir", folder],
            environment,
            file_actions=[(os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)],
        )  # fmt: skip
        _, status, used = os.wait4(process, 0)
    return os.waitstatus_to_exitcode(status), used.ru_maxrss / 1024


def main() -> None:
    """Print a row per attack, and exit with 1 if one takes too much."""
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        print("| attack | exit code | peak memory, MiB |\n| --- | ---: | ---: |")
        for name, fault in ATTACKS.items():
            code, memory = peak(fault, authority)
            print(f"| {name} | {code} | {memory:.0f} |", flush=True)
            worst = max(worst, memory)
    sys.exit(worst > MOST)


if __name__ == "__main__":
    main()
