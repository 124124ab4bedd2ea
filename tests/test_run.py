"""The run directory: its files, what it refuses, and that it is whole or not there."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from support.experiments import LAST, LINEAR, PRICE, same_weights, train, trained
from support.histories import simulated
from support.tensors import read_tensors, write_unsealed

from lstmcast.errors import OutputError, RunError
from lstmcast.predictions import COLUMNS, QUANTILES
from lstmcast.prices.history import PriceHistory
from lstmcast.prices.store import PriceStore
from lstmcast.run import SCHEMA, Run, create_run, directory, ensure_writable, find_runs, list_runs
from lstmcast.run.removal import removable
from lstmcast.shelf import Shelf
from lstmcast.training import predict, resolve_experiment

HISTORY = simulated()
KINDS = pytest.mark.parametrize(
    "overrides", [(), LINEAR, LAST, PRICE], ids=["every", "linear", "last", "price"]
)


def make(runs: Path, *overrides: str) -> Run:
    return create_run(runs, replace(trained(*overrides), threads=2))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("runs")).path


@pytest.fixture
def path(original: Path, tmp_path: Path) -> Path:
    """A copy of a run as earlier versions wrote it, without hashes, to be spoilt."""
    copy = Path(shutil.copytree(original, tmp_path / "copy"))
    record = json.loads((copy / "run.json").read_text())
    kept = {name: value for name, value in record.items() if name not in ("files", "sha256")}
    (copy / "run.json").write_text(json.dumps(kept))
    return copy


@pytest.fixture
def whole(original: Path, tmp_path: Path) -> Path:
    """A copy of a run with its hashes."""
    return Path(shutil.copytree(original, tmp_path / "whole"))


def use(path: Path) -> tuple[object, ...]:
    """All that is read of a run."""
    run = Run.open(path, path.parent)
    weights = [weight for network in run.forecaster().networks for weight in network.parameters()]
    return (
        dict(run.record), run.experiment(), run.predictions().to_csv(), run.history().to_csv(),
        [weight.detach().numpy().tobytes() for weight in weights],
    )  # fmt: skip


FILES = ("config.yaml", "history.csv", "model.safetensors", "predictions.parquet", "run.json")


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_noticed_or_changes_nothing(whole: Path, name: str) -> None:
    file, random = whole / name, np.random.default_rng(3)
    content, before = file.read_bytes(), use(whole)
    noticed = 0
    for at in random.choice(8 * len(content), 12, replace=False):
        spoilt = bytearray(content)
        spoilt[at // 8] ^= 1 << at % 8
        file.write_bytes(spoilt)
        try:
            after = use(whole)
        except RunError:
            noticed += 1
        else:
            assert name == "run.json"  # its white space
            assert after == before
    assert noticed > 6


def test_forecasts_of_other_figures_are_noticed(whole: Path) -> None:
    file = whole / "predictions.parquet"
    table = pd.read_parquet(file)
    table.assign(q95=table["q95"] + 0.01, q975=table["q975"] + 0.01).to_parquet(file)
    with pytest.raises(RunError, match=r"`predictions\.parquet` .* is not what training wrote"):
        Run.open(whole, whole.parent).predictions()


def test_forecasts_may_have_more_bytes_than_weights(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "RUN_BYTES", 10)
    run = Run.open(path, path.parent)
    assert len(run.predictions("AAA")) == len(run.predictions())
    monkeypatch.setattr(directory, "FORECASTS_BYTES", 10)
    with pytest.raises(RunError, match="it has more than 10 bytes"):
        run.predictions()
    with pytest.raises(RunError, match="it has more than 10 bytes"):
        run.put_predictions(Shelf())


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"symbol": "ZZZ"}, "holds ZZZ, and the run is of AAA"),
        ({"symbol": 5}, "`symbol` is of another type"),
        ({"horizon": 1.5}, "`horizon` is of another type"),
        ({"origin": "2020-01-01"}, "`origin` is of another type"),
        ({"mean": np.nan}, "a close, a return or a mean is not a number"),
        ({"close_actual": -1.0}, "a close is not above 0"),
        ({"close_actual": 1.0}, "returns are not those of the closes"),
        ({"date": pd.Timestamp("1999-01-01")}, "does not lie after its origin"),
        ({"q05": 9.0}, "quantiles are not in their order"),
        ({"log_density": np.inf}, "a density is infinite"),
        ({"horizon": 1}, "an origin is there twice"),
        ({"q50": [{"a": 1.0}]}, "`q50` is of another type"),
    ],
)
def test_forecasts_that_none_can_be(path: Path, change: dict[str, object], fault: str) -> None:
    file = path / "predictions.parquet"
    table = pd.read_parquet(file)
    ((name, value),) = change.items()
    table[name] = pd.Series([value] * len(table))
    table.to_parquet(file)
    with pytest.raises(RunError, match=fault):
        Run.open(path, path.parent).predictions()


def test_weights_that_are_no_numbers(path: Path) -> None:
    model = path / "model.safetensors"
    tensors, values = read_tensors(model)
    name = next(name for name in tensors if name.startswith("member.0"))
    tensors[name].fill_(float("nan"))
    write_unsealed(model, tensors, values)
    with pytest.raises(RunError, match="holds values that are not numbers"):
        Run.open(path, path.parent).forecaster()


@pytest.mark.parametrize(
    "text",
    ['{"a": Infinity}', "[" * 100_000, "[]", "5", "\x00", '{"schema": 1e999}', '{"schema": "1"}'],
)
def test_a_damaged_run_is_named_and_the_others_go_on(path: Path, text: str) -> None:
    damaged = path.parent / "99991231-235959-damaged"
    damaged.mkdir()
    (damaged / "run.json").write_text(text)
    assert Run.open(None, path.parent).path == path
    runs, errors = find_runs(path.parent)
    assert [run.path for run in runs] == [path]
    assert [damaged.name in error.message for error in errors] == [True]


def test_a_run_that_nobody_may_look_into_is_named_and_not_left_out(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat = os.stat

    def refuse(name: Path, *further: object, **options: bool) -> os.stat_result:
        if os.fspath(name).startswith(f"{path}{os.sep}"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(name))
        return stat(name, *further, **options)

    monkeypatch.setattr(os, "stat", refuse)
    monkeypatch.setattr(os, "lstat", refuse)
    runs, (error,) = find_runs(path.parent)
    assert runs == []
    assert error.message == f"{path} cannot be read: Permission denied"
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OutputError, match="cannot be removed: Permission denied"):
        removable([Path(path.name)], path.parent)


def test_a_runs_folder_that_cannot_be_read_is_not_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(RunError, match="cannot be read: Permission denied"):
        Run.open(None, tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"created": 5}, {"created": "today"}, {"status": "fine"}, {"seed": "x"},
        {"split": {"train_end": "2020-13-45"}}, {"member_seeds": {}}, {"files": {"a": "b"}},
    ],
)  # fmt: skip
def test_a_record_of_other_types(path: Path, changes: dict[str, object]) -> None:
    edit_json(path, **changes)
    with pytest.raises(RunError, match=f"cannot be read: .*{next(iter(changes))}|Invalid iso"):
        Run.open(path, path.parent)


def test_the_files_are_those_of_the_contract(path: Path) -> None:
    assert {entry.name for entry in path.iterdir()} == {
        "config.yaml", "run.json", "model.safetensors", "history.csv", "predictions.parquet",
        "networks.onnx", "refitted.onnx", "charts",
    }  # fmt: skip
    assert (path / "charts").is_dir()


def test_run_json_tells_how_the_run_came_about(path: Path) -> None:
    record = json.loads((path / "run.json").read_text())
    assert record["schema"] == SCHEMA
    assert record["status"] == "complete"
    assert (record["device"], record["seed"], record["threads"]) == ("cpu", 7, 2)
    assert record["threads_per_network"] == [1]  # two networks share them
    assert len(record["member_seeds"]) == 2
    assert record["diverged_members"] == []
    assert record["packages"]["torch"] == version("torch")
    assert {"prepare", "fit", "predict"} <= set(record["seconds"])
    assert record["split"]["test_end"] == f"{HISTORY.last:%Y-%m-%d}"
    assert record["symbols"] == [
        {
            "symbol": "AAA",
            "source": "csv",
            "rows": 420,
            "first": f"{HISTORY.first:%Y-%m-%d}",
            "last": f"{HISTORY.last:%Y-%m-%d}",
            "sha256": HISTORY.sha256,
            "currency": "USD",
            "exchange": None,
        }
    ]


def test_history_csv_has_a_row_per_member_and_epoch(path: Path) -> None:
    table = pd.read_csv(path / "history.csv")
    assert list(table) == [
        "member", "epoch", "train_loss", "validation_loss", "learning_rate", "seconds",
        "kept",
    ]  # fmt: skip
    assert list(zip(table["member"], table["epoch"], strict=True)) == [
        (member, epoch) for member in (0, 1) for epoch in (1, 2)
    ]
    assert np.isfinite(table.drop(columns="kept").to_numpy()).all()
    assert table.groupby("member")["kept"].sum().tolist() == [1, 1]


def test_predictions_parquet_covers_every_test_session_and_its_truth(path: Path) -> None:
    table = pd.read_parquet(path / "predictions.parquet")
    assert tuple(table) == COLUMNS
    dates, closes = HISTORY.bars.index, HISTORY.bars["adj_close"]
    split = json.loads((path / "run.json").read_text())["split"]
    test = dates[dates > split["validation_end"]]
    for horizon in (1, 2, 3):
        rows = table[table["horizon"] == horizon]
        assert list(rows["date"]) == list(test[horizon - 1 :])
        np.testing.assert_array_equal(rows["close_actual"], closes[rows["date"]])
        np.testing.assert_array_equal(rows["close_origin"], closes[rows["origin"]])
    moved = np.log(table["close_actual"] / table["close_origin"])
    np.testing.assert_allclose(table["return_actual"], moved, atol=1e-12)
    assert (np.diff(table[list(QUANTILES)].to_numpy(), axis=1) > 0).all()
    assert np.isfinite(table["log_density"]).all()


def test_a_point_model_s_predictions_state_no_ranges(tmp_path: Path) -> None:
    table = make(tmp_path, *PRICE).predictions()
    stated = {"q50", "mean"}
    assert table[[name for name in QUANTILES if name not in stated]].isna().all(axis=None)
    assert table["log_density"].isna().all()
    assert np.isfinite(table[sorted(stated)].to_numpy()).all()


@KINDS
def test_loading_gives_the_same_predictions_to_the_bit(
    tmp_path: Path, overrides: tuple[str, ...]
) -> None:
    made = make(tmp_path, *overrides)
    run = Run.open(made.path, tmp_path)
    forecaster = run.forecaster()
    prepared = trained(*overrides).prepared
    inputs = forecaster.inputs([HISTORY])
    np.testing.assert_array_equal(inputs.panels[0].features, prepared.inputs.features)
    again = predict(forecaster, inputs, {"AAA": prepared.parts["AAA"].test}, HISTORY.last)
    pd.testing.assert_frame_equal(again, trained(*overrides).predictions, check_exact=True)
    pd.testing.assert_frame_equal(
        run.predictions(), again, check_exact=True, check_dtype=False, check_index_type=False
    )


@KINDS
def test_config_yaml_is_the_experiment_that_was_trained(
    tmp_path: Path, overrides: tuple[str, ...]
) -> None:
    found = make(tmp_path, *overrides).experiment()
    assert found == trained(*overrides).prepared.experiment == resolve_experiment(found, [HISTORY])


def test_config_yaml_trains_the_same_run_again(tmp_path: Path) -> None:
    again = train(make(tmp_path).experiment(), HISTORY)
    for one, other in zip(trained().forecaster.networks, again.forecaster.networks, strict=True):
        assert same_weights(one, other)
    pd.testing.assert_frame_equal(again.predictions, trained().predictions, check_exact=True)


def test_nothing_in_a_run_is_a_pickle(path: Path) -> None:
    for entry in path.rglob("*"):
        if entry.is_file():
            content = entry.read_bytes()
            # What a pickle of protocol 2 or later begins with, and a header's length may.
            assert content[:1] != b"\x80" or entry.suffix == ".safetensors", entry
            assert content[:2] != b"PK", entry  # what torch.save writes
    header = (path / "model.safetensors").read_bytes()
    length = int.from_bytes(header[:8], "little")
    (metadata,) = json.loads(header[8 : 8 + length])["__metadata__"].values()
    assert {"columns", "symbols", "members"} <= json.loads(metadata).keys()


def test_a_run_is_read_without_lstmcast(path: Path) -> None:
    assert yaml.safe_load((path / "config.yaml").read_text())["data"]["symbols"] == ["AAA"]
    tensors = load_file(path / "model.safetensors")
    assert {name.split(".")[0] for name in tensors} == {"member", "refitted", "scaler"}
    assert tensors["scaler.AAA.offset"].dtype == torch.float64


def test_a_run_is_opened_by_path_by_name_or_as_the_newest(tmp_path: Path) -> None:
    first, second = make(tmp_path), make(tmp_path, *LAST)
    assert first.path != second.path
    assert first.name.endswith("-small")
    assert Run.open(first.path, Path("elsewhere")) == first
    assert Run.open(Path(first.name), tmp_path) == first
    assert Run.open(None, tmp_path) == second
    assert list_runs(tmp_path) == [first, second]


def test_runs_of_one_second_are_in_the_order_they_were_made(tmp_path: Path) -> None:
    made = make(tmp_path)
    for number in (2, 10, 3):
        shutil.copytree(made.path, tmp_path / f"{made.name}-{number}")
    names = [run.name for run in list_runs(tmp_path)]
    assert names == [made.name, *(f"{made.name}-{number}" for number in (2, 3, 10))]


def test_a_name_that_another_training_just_took_gets_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken between the look and the renaming."""
    rename = Path.rename
    taken: list[Path] = []

    def late(path: Path, target: Path) -> Path:
        if not taken:
            taken.append(target)
            shutil.copytree(path, target)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", late)
    run = make(tmp_path)
    assert [run.name] == [f"{path.name}-2" for path in taken]
    assert sorted(path.name for path in tmp_path.iterdir()) == [taken[0].name, run.name]


Spoil = Callable[[Path], object]


def edit_json(path: Path, **changes: object) -> None:
    record = json.loads((path / "run.json").read_text())
    record |= changes
    (path / "run.json").write_text(
        json.dumps({k: v for k, v in record.items() if v is not None}), encoding="utf-8"
    )


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda p: (p / "run.json").unlink(), r"is not a complete run: `run\.json` is missing"),
        (lambda p: (p / "run.json").write_text(""), r"`run\.json` of the run .* cannot be read"),
        (lambda p: (p / "run.json").write_text("{"), "cannot be read"),
        (lambda p: (p / "run.json").write_text("[1]"), "cannot be read"),
        (lambda p: (p / "run.json").write_bytes(b"\xff\xfe"), "cannot be read"),
        (lambda p: edit_json(p, schema=SCHEMA + 1), f"has schema {SCHEMA + 1}, this lstmcast"),
        (lambda p: edit_json(p, schema="one"), "cannot be read"),
        (lambda p: edit_json(p, split=None, seed=None), "lacks seed, split"),
        (lambda p: edit_json(p, split=[]), "cannot be read"),
        (lambda p: edit_json(p, split={}), "names no symbol or no split"),
        (lambda p: edit_json(p, split={"train_end": "soon"}), "cannot be read"),
        (lambda p: edit_json(p, symbols=[]), "names no symbol or no split"),
        (lambda p: edit_json(p, symbols=["AAA"]), "cannot be read"),
        (lambda p: edit_json(p, symbols=[{"symbol": "AAA"}]), "cannot be read"),
    ],
)
def test_a_record_that_cannot_be_used(path: Path, spoil: Spoil, fault: str) -> None:
    spoil(path)
    with pytest.raises(RunError, match=fault) as caught:
        Run.open(path, path.parent)
    assert caught.value.hint
    assert caught.value.exit_code == 8
    # As the newest run it is told of in the same way, unless a better one is there.
    if (path / "run.json").exists():
        with pytest.raises(RunError, match=fault):
            Run.open(None, path.parent)
    assert list_runs(path.parent) == []


def test_what_a_later_version_adds_is_passed_over(path: Path) -> None:
    record = json.loads((path / "run.json").read_text())
    edit_json(path, mood="good", symbols=[{**record["symbols"][0], "isin": "US0378331005"}])
    assert Run.open(path, path.parent).symbols[0].symbol == "AAA"


def narrow(path: Path) -> None:
    """Let the metadata speak of one column."""
    remark(path, columns=["a"])


def remark(path: Path, **changes: object) -> None:
    """Write the weights again with other metadata, and without a seal that tells of it."""
    model = path / "model.safetensors"
    tensors, values = read_tensors(model)
    changed = {k: v for k, v in {**values, **changes}.items() if v is not None}
    write_unsealed(model, tensors, changed)


def unmark(path: Path) -> None:
    """Let the file be one that another program wrote."""
    model = path / "model.safetensors"
    save_file(load_file(model), model)


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda p: (p / "model.safetensors").unlink(), r"`model\.safetensors` is missing"),
        (lambda p: (p / "model.safetensors").write_bytes(b""), "cannot be used"),
        (lambda p: (p / "model.safetensors").write_bytes(b"\x80\x04K\x01."), "cannot be used"),
        (lambda p: shorten(p / "model.safetensors"), "cannot be used"),
        (narrow, "the scaler of AAA does not fit its 1 columns"),
        (lambda p: remark(p, members=3, refitted=3), "cannot be used: Error"),
        (lambda p: remark(p, refitted=1), "it holds 2 networks and 1 refitted ones"),
        (lambda p: remark(p, members=0), "it holds 0 networks"),
        (lambda p: remark(p, members="many"), "cannot be used"),
        (lambda p: remark(p, members=None), "cannot be used: 'members'"),
        (lambda p: remark(p, symbols=[]), "it holds no scaler"),
        (lambda p: remark(p, symbols=["BBB"]), r"cannot be used: .scaler\.BBB\.offset"),
        (lambda p: remark(p, symbols=5), "cannot be used"),
        (lambda p: remark(p, columns=None), "cannot be used: 'columns'"),
        (unmark, "cannot be used: 'lstmcast'"),
        (lambda p: (p / "config.yaml").unlink(), r"`config\.yaml` is missing"),
    ],
)
def test_weights_that_cannot_be_used(path: Path, spoil: Spoil, fault: str) -> None:
    run = Run.open(path, path.parent)
    spoil(path)
    with pytest.raises(RunError, match=fault) as caught:
        run.forecaster()
    assert caught.value.hint


def test_weights_that_do_not_fit_the_experiment(path: Path) -> None:
    text = (path / "config.yaml").read_text().replace("hidden_size: 4", "hidden_size: 5")
    (path / "config.yaml").write_text(text)
    with pytest.raises(RunError, match=r"`model\.safetensors` .* cannot be used: Error"):
        Run.open(path, path.parent).forecaster()


def test_an_experiment_that_was_spoilt(path: Path) -> None:
    (path / "config.yaml").write_text("name: x\n")
    with pytest.raises(RunError, match=r"`config\.yaml` of .* has 1 fault.*data") as caught:
        Run.open(path, path.parent).forecaster()
    assert caught.value.hint


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (lambda p: p.unlink(), r"`predictions\.parquet` is missing from the run"),
        (lambda p: p.write_bytes(b"PAR1"), "cannot be read"),
        (lambda p: p.write_bytes(b""), "cannot be read"),
        (shorten, "cannot be read"),
        (lambda p: pd.DataFrame({"symbol": ["A"]}).to_parquet(p), "lacks origin, date"),
    ],
)
def test_predictions_that_cannot_be_used(path: Path, spoil: Spoil, fault: str) -> None:
    spoil(path / "predictions.parquet")
    with pytest.raises(RunError, match=fault):
        Run.open(path, path.parent).predictions()


def test_a_training_history_that_is_not_there(path: Path) -> None:
    (path / "history.csv").unlink()
    with pytest.raises(RunError, match=r"`history\.csv` is missing from the run"):
        Run.open(path, path.parent).history()


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.\xff", b'member,epoch\n"1'])
def test_a_training_history_that_cannot_be_read(path: Path, content: bytes) -> None:
    (path / "history.csv").write_bytes(content)
    with pytest.raises(RunError, match=r"`history\.csv` of the run .* cannot be read"):
        Run.open(path, path.parent).history()


def test_no_run_at_all(tmp_path: Path) -> None:
    for runs in (tmp_path, tmp_path / "absent"):
        with pytest.raises(RunError, match="there is no run under") as caught:
            Run.open(None, runs)
        assert "lstmcast train" in str(caught.value.hint)
    for name in (Path("absent"), tmp_path / "absent", Path(__file__)):
        with pytest.raises(RunError, match="there is no run `"):
            Run.open(name, tmp_path)


def test_a_run_gets_the_prices_it_was_trained_on_and_the_newest(path: Path, tmp_path: Path) -> None:
    store = PriceStore(tmp_path / "data")
    longer = simulated(1, 500)
    store.save(longer)
    run = Run.open(path, tmp_path)
    (then,) = run.histories(store)
    (now,) = run.histories(store, newest=True)
    assert (then.first, then.last) == (HISTORY.first, HISTORY.last)
    assert (now.first, now.last) == (HISTORY.first, longer.last)


def test_metrics_are_strict_json(path: Path) -> None:
    run = Run.open(path, path.parent)
    run.write_metrics({"crps": 1.5, "name": "x"})
    assert json.loads((path / "metrics.json").read_text()) == {"crps": 1.5, "name": "x"}
    with pytest.raises(ValueError, match="not JSON compliant"):
        run.write_metrics({"crps": float("nan")})


@pytest.mark.parametrize("fails_at", range(5))
def test_a_full_disk_leaves_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    """Whichever of the five files it is that does not fit."""
    written = []

    def full(_: int) -> None:
        written.append(1)
        if len(written) > fails_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left on device"):
        make(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_crash_while_writing_leaves_nothing_that_looks_like_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after `kill -9`: the hidden folder stays, with a `run.json` in it."""
    monkeypatch.setattr(Path, "rename", interrupted)
    monkeypatch.setattr(shutil, "rmtree", lambda _: None)
    with pytest.raises(KeyboardInterrupt, match="killed"):
        make(tmp_path)
    (left,) = tmp_path.iterdir()
    assert (left / "run.json").is_file()
    assert list_runs(tmp_path) == []
    with pytest.raises(RunError, match="there is no run under"):
        Run.open(None, tmp_path)
    monkeypatch.undo()
    assert Run.open(None, make(tmp_path).path.parent).name.endswith("-small")


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt("killed")


def test_a_runs_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_writable(tmp_path / "new" / "runs")
    (tmp_path / "file").write_text("")
    for runs in (tmp_path / "file", tmp_path / "file" / "runs"):
        with pytest.raises(OutputError, match="cannot be made: ") as caught:
            ensure_writable(runs)
        assert "--runs-dir" in str(caught.value.hint)
        with pytest.raises(OutputError, match="cannot be written: "):
            make(runs)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(OutputError, match=r"`--runs-dir` .* cannot be written"):
        ensure_writable(tmp_path)


def test_charts_have_a_folder_also_in_a_copy_without_one(path: Path) -> None:
    shutil.rmtree(path / "charts")
    run = Run.open(path, path.parent)
    run.make_charts_folder()
    assert run.charts.is_dir()
    shutil.rmtree(run.charts)
    run.charts.write_text("")
    with pytest.raises(OutputError, match="charts` cannot be made"):
        run.make_charts_folder()


def test_a_history_without_currency_is_kept_as_such(tmp_path: Path) -> None:
    history = PriceHistory.from_frame(HISTORY.bars, symbol="AAA", source="csv")
    run = create_run(tmp_path, replace(trained(), histories=(history,)))
    assert Run.open(run.path, tmp_path).symbols[0].currency is None
