"""`lstmcast doctor`: what is well, what is broken, and what each of them ends with."""

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.bars import make_frame
from support.histories import simulated
from support.program import Workplace
from support.runs import forecasts, write_run
from typer.testing import Result

from lstmcast import doctor
from lstmcast.prices.history import PriceHistory
from lstmcast.training import machine, speed


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test of speed that takes a hundredth of the usual second."""
    monkeypatch.setattr(doctor, "devices", partial(doctor.devices, 0.01))


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    place = Workplace(tmp_path)
    for symbol in ("AAA", "BBB"):
        place.store.save(PriceHistory.from_frame(make_frame(), symbol=symbol, source="csv"))
    history = simulated(1, 560)
    for name in ("20260101-000000-a", "20260102-000000-b"):
        write_run(place.runs, name, [history], forecasts([history], first=500))
    return place


def examine(place: Workplace, *words: str) -> Result:
    return place.invoke("doctor", "--offline", *words)


def problems(result: Result) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(result.stdout)["problems"]
    return [problem for problem in found if "free memory" not in problem["message"]]


def test_where_all_is_well(place: Workplace) -> None:
    result = examine(place, "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert problems(result) == []
    assert told["versions"]["torch"]
    assert told["devices"][0]["name"] == "cpu"
    assert told["devices"][0]["steps_per_second"] > 0
    assert told["devices"][0]["memory"] > 2**28
    prices, runs = told["folders"]["prices"], told["folders"]["runs"]
    assert (prices["entries"], prices["damaged"], prices["writable"]) == (2, 0, True)
    assert (runs["entries"], runs["damaged"], runs["swept"]) == (2, 0, 0)
    stored = [path for path in (place.root / "data").rglob("*") if path.is_file()]
    assert prices["bytes"] == sum(path.stat().st_size for path in stored)
    assert {source["state"] for source in told["sources"]} == {"local", "not asked"}


def test_for_people(place: Workplace) -> None:
    result = examine(place)
    assert result.exit_code == 0
    for words in ("torch 2.", "cpu", "steps a second", "2 histories, ", "2 runs, ", "not asked"):
        assert words in result.stdout
    assert "looking at" in result.stderr


def test_folders_that_are_not_there_yet_are_no_fault(tmp_path: Path) -> None:
    place = Workplace(tmp_path / "new")
    result = examine(place)
    assert result.exit_code == 0
    assert result.stdout.count("not there yet") == 3
    assert not (tmp_path / "new").exists()


def test_what_is_broken_is_named_and_the_rest_goes_on(place: Workplace) -> None:
    whole = place.store.path("AAA", "csv")
    spoilt = bytearray(whole.read_bytes())
    spoilt[200] ^= 1  # a bar: the metadata stay as they are
    whole.write_bytes(spoilt)
    a, b = sorted(place.runs.iterdir())
    (a / "run.json").write_text("{")
    (b / "model.safetensors").write_bytes(b"other")
    (b / "metrics.json").write_text("{")
    result = examine(place, "--json")
    assert result.exit_code == 16
    found = problems(result)
    assert [problem["state"] for problem in found] == ["broken", "broken", "broken", "warning"]
    for problem, words in zip(
        found,
        (
            "holds bars that do not match its content hash",
            f"`run.json` of the run {a} cannot be read",
            f"`model.safetensors` of the run {b} is not what training wrote",
            f"`metrics.json` of the run {b} cannot be read; `lstmcast evaluate {b}` rewrites it",
        ),
        strict=True,
    ):
        assert words in problem["message"]
    assert found[0]["hint"] == "`lstmcast fetch AAA --source csv --full` fetches it again"
    assert found[2]["hint"] == f"train it again, or `lstmcast runs remove {b.name}`"
    told = json.loads(result.stdout)["folders"]
    assert (told["prices"]["entries"], told["prices"]["damaged"]) == (1, 1)
    assert (told["runs"]["entries"], told["runs"]["damaged"]) == (0, 2)
    assert result.stderr.splitlines()[-2].startswith("error: 3 things are broken: ")


def test_a_file_in_the_place_of_a_folder_is_broken(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("mine")
    result = examine(Workplace(tmp_path), "--json")
    assert result.exit_code == 16
    (found,) = problems(result)
    assert f"`{tmp_path / 'runs'}` cannot be written: it is a file" in found["message"]
    assert "`--runs-dir`" in found["hint"]
    assert (tmp_path / "runs").read_text() == "mine"


def test_a_folder_that_takes_no_file_is_broken(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rights do not keep the user who runs tests in a container from writing."""
    opened = Path.open

    def full(path: Path, *arguments: Any, **options: Any) -> Any:
        if path.suffix == ".tmp":
            raise OSError(28, os.strerror(28))
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", full)
    result = examine(place, "--json")
    assert result.exit_code == 16
    assert [problem["message"] for problem in problems(result)] == [
        f"`{folder}` cannot be written: No space left on device"
        for folder in (place.root / "data", place.runs)
    ]


def test_a_ledger_that_is_damaged_is_broken(place: Workplace) -> None:
    told = json.loads(examine(place, "--json").stdout)["ledger"]
    assert (told["exists"], told["entries"]) == (False, 0)
    path = place.root / "data" / "ledger.sqlite"
    path.write_bytes(b"no database" * 100)
    result = examine(place, "--json")
    assert result.exit_code == 16
    (found,) = problems(result)
    assert found["state"] == "broken"
    assert str(path) in found["message"]
    assert json.loads(result.stdout)["folders"]["prices"]["entries"] == 2


def test_what_killed_processes_left_is_swept(place: Workplace) -> None:
    left = [
        place.root / "data" / "prices" / "csv" / ".AAA.0123456789ab.tmp",
        place.runs / "20260101-000000-a" / ".metrics.0123456789ab.tmp",
    ]
    for path in left:
        path.write_text("half")
    folder = place.runs / ".20260103-000000.0123456789ab.partial"
    folder.mkdir()
    result = examine(place, "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)["folders"]
    assert (told["prices"]["swept"], told["runs"]["swept"]) == (1, 2)
    assert not any(path.exists() for path in (*left, folder))


def test_a_device_that_does_not_train_is_told(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = machine.Device("cuda:0", "A Card", 80 * 2**30, 79 * 2**30)
    cpu = machine.Device("cpu", "A Processor", cores=2)
    monkeypatch.setattr(machine, "devices", lambda: [cpu, gpu])

    def fail(name: str, seconds: float) -> float:
        if name == "cuda:0":
            raise RuntimeError("no kernel image is available\nfurther lines")
        return 123.4

    monkeypatch.setattr(speed, "steps_per_second", fail)
    result = examine(place)
    assert result.exit_code == 0
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["cuda:0", "A", "Card", "80", "GiB", "79", "GiB", "-"] in rows
    assert "warning: cuda:0 does not train: no kernel image is available\n" in result.stdout
    assert "hint: train with `--set training.device=cpu`" in result.stdout
    assert "123" in result.stdout


def test_a_pytorch_that_does_not_load_is_no_traceback(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Any:
        raise ImportError("libtorch_cpu.so: cannot open shared object file")

    monkeypatch.setattr(machine, "devices", broken)
    result = examine(place)
    assert result.exit_code == 16
    assert "error: 1 thing is broken: the devices cannot be looked at: ImportError: libtorch" in (
        result.stderr
    )
    assert "2 histories" in result.stdout
