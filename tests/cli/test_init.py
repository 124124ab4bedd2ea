"""`lstmcast init`, and `train SYMBOL...` without a file: the default experiment of some symbols."""

import re
from pathlib import Path

import pytest
from support.experiments import SMALL
from support.histories import as_history, simulated, simulated_bars
from support.program import Workplace

from lstmcast.config import Experiment, default_experiment, load_experiment, name_for, template
from lstmcast.prices.symbols import normalise_symbol
from lstmcast.run import Run

QUICK = ("model.hidden_size=4", "model.start=random", "model.members=1", "training.epochs=1")
SETS = [word for option in (*QUICK, "training.device=cpu") for word in ("--set", option)]

AWKWARD = ("ON", "NO", "1E3", "005930.KS", "^GSPC", "EURUSD=X", "M&M.NS", "BRK-B", "NULL", "2010")


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    late = as_history(simulated_bars(5, 380, first="2001-02-05"), "B-B", source="sample")
    return Workplace.make(tmp_path, simulated(), late)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As outside a checkout: nothing is there but what the test makes."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


# --- the file ------------------------------------------------------------------------------------


@pytest.mark.parametrize("symbol", AWKWARD)
def test_the_template_reads_back_as_the_default_experiment(symbol: str, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(template([symbol, "AAPL"], file="x.yaml"), encoding="utf-8")
    assert load_experiment(file) == default_experiment([symbol, "AAPL"])
    assert load_experiment(file).data.symbols == (symbol, "AAPL")


def test_the_template_with_its_keys_uncommented_says_the_defaults(tmp_path: Path) -> None:
    groups = ("returns", "range")
    text = template(["AAA"], "csv", file="x.yaml", first="2001-02-03", groups=groups)
    opened = re.sub(r"^(\s*)# (\s*\w+:)(?= |$)(?! docs)", r"\1\2", text, flags=re.MULTILINE)
    assert opened.count("#") < text.count("#") - 8
    file = tmp_path / "x.yaml"
    file.write_text(opened, encoding="utf-8")
    found = load_experiment(file)
    assert f"{found.data.start}" == "2001-02-03"
    assert found.features == groups
    plain = default_experiment(["AAA"], "csv")
    data = found.data.model_copy(update={"start": None})
    assert found.model_copy(update={"data": data, "features": None}) == plain


def test_the_template_explains_five_keys_in_lines_of_a_screen() -> None:
    text = template(["AAA"], file="aaa.yaml")
    assert re.findall(r"# (\d)\. ", text) == ["1", "2", "3", "4", "5"]
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(
    ("symbols", "name"),
    [
        (["AAPL"], "aapl"),
        (["BRK-B", "MSFT"], "brk-b-msft"),
        (["^GSPC"], "gspc"),
        (["EURUSD=X"], "eurusd-x"),
        (["^.-"], "x"),
        (["A", "B", "C", "D"], "a-and-3-more"),
        (["A" * 32, "B" * 32], f"{'a' * 32}-and-1-more"),
    ],
)
def test_the_name_is_made_of_the_symbols_and_is_one_that_the_configuration_takes(
    symbols: list[str], name: str
) -> None:
    assert name_for(symbols) == name
    experiment = default_experiment([normalise_symbol(symbol) for symbol in symbols])
    assert experiment == Experiment.model_validate({"name": name, "data": {"symbols": symbols}})


# --- the command ---------------------------------------------------------------------------------


def test_init_tells_what_is_stored_and_writes_what_trains(place: Workplace) -> None:
    result = place.invoke("init", "aaa")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "wrote aaa.yaml\nnext: lstmcast train --config aaa.yaml\n"
    text = Path("aaa.yaml").read_text(encoding="utf-8")
    assert text.startswith("# lstmcast train --config aaa.yaml\n")
    last = f"{simulated().last:%Y-%m-%d}"
    assert f"  # Stored: AAA from csv, 420 sessions, 2001-01-02 to {last}.\n" in text
    assert "# features: [returns, range, volume, news]\n" in text
    trained = place.invoke("train", "--config", "aaa.yaml", *SETS)
    assert trained.exit_code == 0, trained.stderr
    assert Run.open(None, place.runs).experiment().data.source == "csv"


def test_init_works_before_any_price_is_fetched(place: Workplace) -> None:
    result = place.invoke("init", "NEW", "AAA", "-o", "two words.yaml")
    assert result.exit_code == 0
    assert "note: `data.symbols` NEW is not in the store" in result.stderr
    assert "run `lstmcast fetch NEW`" in result.stderr
    assert result.stderr.endswith("next: lstmcast train --config 'two words.yaml'\n")
    text = Path("two words.yaml").read_text(encoding="utf-8")
    assert "Not stored yet" in text
    assert str(place.root) not in text


def test_init_says_that_a_history_is_too_short_to_train_on(place: Workplace) -> None:
    place.store.save(simulated(rows=40, symbol="NEW"))
    result = place.invoke("init", "NEW")
    assert result.exit_code == 0
    assert "warning: it cannot be trained on these prices: " in result.stderr
    assert "hint: " in result.stderr
    assert Path("new.yaml").is_file()


def test_init_overwrites_nothing_unless_it_is_forced(place: Workplace) -> None:
    file = Path("aaa.yaml")
    file.write_text("mine", encoding="utf-8")
    refused = place.invoke("init", "AAA")
    assert refused.exit_code == 10
    assert "error: `aaa.yaml` is there already" in refused.stderr
    assert "`--force`" in refused.stderr
    assert file.read_text(encoding="utf-8") == "mine"
    assert place.invoke("init", "AAA", "--force").exit_code == 0
    assert load_experiment(file).data.symbols == ("AAA",)


@pytest.mark.parametrize(
    ("words", "code", "fault"),
    [
        (["AAA", "aaa"], 2, "names AAA, aaa, one of them twice"),
        (["aaa.yaml"], 2, "looks like a file"),
        (["../x"], 2, "looks like a file"),
        (["A B"], 2, "which cannot be a ticker"),
        (["csv:AAA", "sample:B-B"], 2, "from different sources"),
        (["AAA", "-o", "none/x.yaml"], 10, "the folder none is missing"),
        (["AAA", "-o", "."], 10, "`.` cannot be written"),
        ([], 2, "Missing argument"),
    ],
)
def test_init_refuses_in_words_and_writes_nothing(
    place: Workplace, words: list[str], code: int, fault: str
) -> None:
    result = place.invoke("init", *words)
    assert result.exit_code == code
    assert fault in result.stderr
    assert list(Path().iterdir()) == []


def test_init_takes_a_device_for_no_file_that_is_there(place: Workplace) -> None:
    result = place.invoke("init", "AAA", "-o", "/dev/null")
    assert result.exit_code == 0, result.stderr
    assert result.stderr.endswith("next: lstmcast train --config aaa.yaml\n")


# --- train without a file ------------------------------------------------------------------------


def test_symbols_are_trained_by_the_default_experiment(place: Workplace) -> None:
    result = place.invoke("train", "aaa", *SETS)
    assert result.exit_code == 0, result.stderr
    assert result.stderr.endswith("next: lstmcast evaluate\n")
    run = Run.open(None, place.runs)
    assert run.name.endswith("-aaa")
    assert [entry.symbol for entry in run.symbols] == ["AAA"]
    assert run.experiment().target == default_experiment(["AAA"]).target


@pytest.mark.parametrize(
    ("words", "code", "fault"),
    [
        ([], 2, "neither a symbol nor `--config` was given"),
        (["NOPE"], 7, "`data.symbols` NOPE is not in the store"),
        (["AAA", "B-B"], 7, "come from different sources"),
        (["sample:AAA"], 7, "AAA is stored from csv, not from sample"),
        (["small.yaml"], 2, "'small.yaml', which looks like a file name"),
        (["AAA", "--set", "target.horizon=99"], 3, "`--set target.horizon=99` has 1 fault"),
        (["B-B", "--config", "FILE"], 2, "`SYMBOL` is B-B, and `--config`"),
        (["sample:AAA", "--config", "FILE"], 2, "`SYMBOL` is from sample, and `--config`"),
    ],
)
@pytest.mark.parametrize("command", ["train", "backtest"])
def test_symbols_that_cannot_be_trained_are_told(
    place: Workplace, command: str, words: list[str], code: int, fault: str
) -> None:
    place.config.write_text(SMALL.replace("[AAA]", "[AAA], source: csv"), encoding="utf-8")
    result = place.invoke(
        command, *[str(place.config) if word == "FILE" else word for word in words]
    )
    assert result.exit_code == code, result.stderr
    assert fault in result.stderr
    assert "hint: " in result.stderr or code == 3
    assert not place.runs.exists()


def test_symbols_beside_a_file_that_says_the_same_are_fine(place: Workplace) -> None:
    result = place.invoke("train", "csv:aaa", "--config", place.config, *SETS)
    assert result.exit_code == 2  # the file leaves the source to the store
    result = place.invoke("train", "aaa", "--config", place.config, *SETS)
    assert result.exit_code == 0, result.stderr
    assert Run.open(None, place.runs).experiment().target.horizon == 3
