"""`lstmcast tune`: what it writes and says, what it refuses, and what `train` makes of it."""

import json
from pathlib import Path

import pytest
from support.program import Workplace

from lstmcast.cli.tune import parse_duration
from lstmcast.config import load_experiment
from lstmcast.errors import UsageError
from lstmcast.run import Run

SPACE = "tuning.space={model.hidden_size: [2, 3]}"
SHORT = ("--set", "training.epochs=1", "--set", "model.members=1", "--set", SPACE)


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return Workplace.make(tmp_path)


def test_a_search_leaves_what_train_takes(place: Workplace) -> None:
    result = place.invoke("tune", "-c", place.config, "--trials", "3", "--json", *SHORT)
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    folder = place.runs / "tune-small"
    assert told["folder"] == str(folder)
    assert told["trials"]["complete"] == 3
    assert told["gain"] == pytest.approx(told["start_validation_loss"] - told["validation_loss"])
    assert f"study {folder}: 1 key, 3 trials\n" in result.stderr
    assert "as it stands: validation loss" in result.stderr
    assert "trial 0 (1 of 3): validation loss" in result.stderr
    assert json.loads((folder / "summary.json").read_text()) == told
    assert (folder / "charts" / "history.png").read_bytes()[1:4] == b"PNG"
    best = load_experiment(folder / "best.yaml")
    assert best.tuning.trials == told["chosen_from"] == 3  # two sizes, and as it stands
    # Goes on with the same command, which has enough trials, and shows a table.
    again = place.invoke("tune", "-c", place.config, "--trials", "3", "--resume", *SHORT)
    assert again.exit_code == 0, again.stderr
    assert f"going on with {folder}: 1 key, 3 trials, 3 done" in again.stderr
    assert "model.hidden_size" in again.stdout
    assert "the best of 3 configurations" in again.stderr
    # The run knows what it was chosen from.
    trained = place.invoke("train", "-c", folder / "best.yaml")
    assert trained.exit_code == 0, trained.stderr
    run = Run.open(None, place.runs)
    assert run.record["tuning"] == {"trials": 3, "study": "tune-small"}
    assert run.experiment().tuning.trials == 3
    losses = run.record["pool"]["validation_log_score"]
    assert losses == pytest.approx(told["validation_loss"], rel=1e-6)


@pytest.mark.parametrize(
    ("options", "code", "fault"),
    [
        (["--trials", "0"], 2, "--trials"),
        (["--trials", "-3"], 2, "--trials"),
        (["--timeout", "soon"], 2, "`--timeout` is 'soon'"),
        (["--timeout", "0s"], 2, "`--timeout` is '0s'"),
        (["--study", "../x"], 2, "`--study` is '../x'"),
        (["--resume"], 8, "there is nothing to resume"),
        (["--storage", "nodb://x"], 2, "`--storage` nodb://x is no URL of a database"),
        (["--set", "tuning.space={model.hiden_size: [2]}"], 3, "did you mean `model.hidden_size`"),
        (["--set", "tuning.space={model.dropout: {low: 0, high: 2}}"], 3, "`model.dropout` is 2"),
        (["--set", "tuning.space={data.symbols: [B]}"], 3, "`tuning.space` names `data.symbols`"),
        (["--set", "training.epochs=0", "--set", "model={}"], 3, "there is nothing to tune"),
        (["--set", "tuning.space=3"], 3, "`tuning.space` is 3"),
        (["--set", "data.symbols=[ZZZ]"], 7, "ZZZ is not in the store"),
    ],
)
def test_what_is_wrong_is_said_before_any_trial(
    place: Workplace, options: list[str], code: int, fault: str
) -> None:
    result = place.invoke("tune", "-c", place.config, *options)
    assert result.exit_code == code, result.stderr
    assert fault in result.stderr.replace("\n", " ")
    assert not (place.runs / "tune-small" / "study.journal").exists()


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("30m", 1800), ("1h", 3600), ("1h30m", 5400),
                          ("0.5h", 1800), ("1d 2h", 93600), ("1.5", 1.5)],
)  # fmt: skip
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "1w", "1h1h", "-5", "1 0x", "0", "1e3", "nan"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="`--timeout` is"):
        parse_duration(text)
