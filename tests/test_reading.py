"""What is read from outside: within limits, in strict JSON, and in YAML that means little."""

import gzip
import io
import os
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import pytest

from lstmcast.config import load_experiment, parse_experiment
from lstmcast.config.faults import MOST_FAULTS
from lstmcast.errors import ConfigError
from lstmcast.prices.sources.files.text import unpack
from lstmcast.reading import RUN_BYTES, hash_file, parse_json, read_beyond, read_file, size

HEAD = "name: x\ndata: {symbols: [AAA]}\n"
LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("model: {hidden_size: !!int x}", "cannot be read: invalid literal"),
        ("model: {hidden_size: !!float x}", "cannot be read: could not convert"),
        ("model: {hidden_size: !!float ''}", "cannot be read: string index out of range"),
        ("x: !!bool maybe", "cannot be read: 'maybe'"),
        (f"model: {{hidden_size: {'9' * 4301}}}", "cannot be read: Exceeds the limit"),
        ("x: !!timestamp 2020-13-45", "the tag tag:yaml.org,2002:timestamp is not used here"),
        ("x: !!binary a", "the tag tag:yaml.org,2002:binary is not used here"),
        ("x: !!map [1]", "expected a mapping"),
        ("x: " + "[" * 3000, "nested more than 20 levels deep"),
        ("x: &a [*a]", "an alias contains itself"),
        ("x: &a {b: [*a]}", "an alias contains itself"),
        (LAUGHS, "holds more than 10,000 values"),
        ("\n".join(f"k{number}: 1" for number in range(50_000)), "holds more than 10,000 values"),
    ],
)
def test_yaml_that_means_more_than_it_says_is_refused(text: str, says: str) -> None:
    started = time.monotonic()
    with pytest.raises(ConfigError, match=says) as caught:
        parse_experiment(HEAD + text)
    assert len(caught.value.message) < 300
    assert time.monotonic() - started < 20


def test_what_is_repeated_by_an_alias_is_read() -> None:
    experiment = parse_experiment("name: &n x\ndata: {symbols: [*n]}\n")
    assert experiment.data.symbols == ("x",)


def test_thousands_of_faults_are_told_by_the_first_ones() -> None:
    text = HEAD + "".join(f"key{number}: 1\n" for number in range(900))
    with pytest.raises(ConfigError, match=f"more than {MOST_FAULTS} faults") as caught:
        parse_experiment(text)
    assert len(caught.value.problems) == MOST_FAULTS + 1
    assert caught.value.problems[-1] == "and 880 more"


def test_a_long_value_or_key_is_shown_by_its_beginning() -> None:
    with pytest.raises(ConfigError, match="2 faults") as caught:
        parse_experiment(f"{HEAD}training: {{seed: {'9' * 4000}}}\n{'k' * 900}: 1\n")
    assert all(len(problem) < 300 for problem in caught.value.problems)
    with pytest.raises(ConfigError, match=r"got `a\.a\.") as set_wrong:
        parse_experiment(HEAD, [f"{'a.' * 3000}b=1"])
    assert len(set_wrong.value.message) < 300


def test_a_configuration_from_a_pipe_is_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(HEAD,))
    writer.start()
    assert load_experiment(pipe).name == "x"
    writer.join()


def test_a_silent_pipe_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    monkeypatch.setattr("lstmcast.reading.PATIENCE", 0.05)
    with pytest.raises(ConfigError, match="it is a pipe, and nothing ended it"):
        load_experiment(pipe)
    with pytest.raises(OSError, match="it is not a file"):
        read_file(pipe, 100)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such device here")
def test_a_device_is_no_configuration() -> None:
    with pytest.raises(ConfigError, match="it is not a file"):
        load_experiment(Path("/dev/zero"))


def test_an_endless_pipe_is_left_at_the_limit(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    endless = f"f = open({str(pipe)!r}, 'wb')\nwhile True: f.write(b'x: 1\\n' * 10_000)"
    with (
        subprocess.Popen([sys.executable, "-c", endless], stderr=subprocess.DEVNULL),
        pytest.raises(ConfigError, match="it has more than 1 MiB"),
    ):
        load_experiment(pipe)


def test_a_file_above_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_file(path, 5) == b"12345"
    with pytest.raises(OSError, match="it has more than 4 bytes"):
        read_file(path, 4)
    with pytest.raises(OSError, match="it has more than 4 bytes"):
        hash_file(path, 4)
    with pytest.raises(IsADirectoryError, match="Is a directory"):
        read_file(tmp_path, 5)


def test_memory_is_taken_for_what_there_is_not_for_what_there_may_be(tmp_path: Path) -> None:
    path, packed = tmp_path / "file", tmp_path / "file.gz"
    path.write_bytes(b"12345")
    packed.write_bytes(gzip.compress(b"12345"))
    tracemalloc.start()
    try:
        assert read_file(path, RUN_BYTES) == unpack(packed, packed.read_bytes()) == b"12345"
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("expected", [0, 1, 5, 6, 7, 2**20])
@pytest.mark.parametrize(("most", "read"), [(4, 5), (5, 5), (2**22, 5), (2**21, 2**21 + 1)])
def test_all_is_read_whatever_size_it_seems_to_have(most: int, read: int, expected: int) -> None:
    """Files of `/proc` seem to be empty, and one that is written meanwhile grows."""
    content = bytes(read) if read > 5 else b"12345"
    assert read_beyond(io.BytesIO(content), most, expected) == content


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Infinity", "is not a number"),
        ("[NaN]", "is not a number"),
        ("1e999", "not a number that fits"),
        ("[" * 100_000, "nested too deep"),
        ('{"a": 1, "a": 2}', "a key is there twice"),
        ("9" * 5000, "Exceeds the limit"),
    ],
)
def test_json_is_strict(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_json(text)


@pytest.mark.parametrize(
    ("count", "words"),
    [(999, "999 bytes"), (1000, "0.977 KiB"), (32 * 2**20, "32 MiB"), (1_020_000, "996 KiB"),
     (1_033_956, "0.986 MiB"), (2**50, "1.02e+03 TiB")],
)  # fmt: skip
def test_a_size_has_three_digits(count: int, words: str) -> None:
    assert size(count) == words
