"""Networks as ONNX graphs: every kind against PyTorch, and how a run falls back to it."""

import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from support.experiments import LAST, PRICE, trained
from support.histories import as_history, simulated, simulated_bars
from support.program import Workplace

from lstmcast.forecasting import forecast_ahead
from lstmcast.graphs import heads, layers
from lstmcast.graphs.checked import TOLERANCE, checked_graph
from lstmcast.graphs.export import NotExportableError, difference, export
from lstmcast.graphs.session import GraphError, GraphNetworks
from lstmcast.nn import HEADS, NETWORKS, Network, build_network
from lstmcast.predictions import LEVELS, QUANTILES
from lstmcast.pretraining.export import dump_graph
from lstmcast.pretraining.files import shipped_hash
from lstmcast.pretraining.graph import PretrainedGraph, shipped_graph
from lstmcast.pretraining.weights import shipped
from lstmcast.run import Run, create_run
from lstmcast.seals import BLANK, sealed
from lstmcast.training.zero_shot import zero_shot_forecaster

COLUMNS = 6
HISTORY = simulated()


def network(kind: str, head: str, horizon: int = 3, seed: int = 1, **options: object) -> Network:
    """A network none of whose weights is zero."""
    draw = torch.Generator().manual_seed(seed)
    made = build_network(
        kind,
        head,
        input_size=COLUMNS,
        horizons=range(1, horizon + 1),
        hidden_size=5,
        generator=draw,
        **options,  # type: ignore[arg-type]
    )
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(0.1 * torch.randn(weight.shape, generator=draw))
    return made.eval()


@pytest.mark.parametrize("horizon", [1, 20])
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("kind", NETWORKS)
def test_a_graph_forecasts_as_pytorch_does(kind: str, head: str, horizon: int) -> None:
    for options in (
        {},
        {"skip_connection": True, "num_layers": 3, "initial_state": "learned", "symbols": 2},
    ):
        members = [network(kind, head, horizon, seed, **options) for seed in (1, 2)]
        content, apart = checked_graph(members, {})
        assert apart <= TOLERANCE
        assert len(GraphNetworks(content)) == 2


def test_symbols_and_unknown_ones_have_their_own_offsets() -> None:
    one = network("lstm", "student_t", symbols=2)
    x = np.random.default_rng(0).standard_normal((4, 9, COLUMNS)).astype(np.float32)
    scale = np.ones((4, 9), dtype=np.float32)
    numbers = [1, 0, 2, 7]
    (found,) = GraphNetworks(export([one], {})).run(x, scale, numbers, 3)
    known = torch.tensor([1, 0, 2, 2])
    with torch.inference_mode():
        params, _ = one(torch.from_numpy(x), torch.from_numpy(scale), symbols=known)
    expected = {name: value.numpy() for name, value in params._asdict().items()}
    assert difference([found], [expected]) <= TOLERANCE


def test_a_graph_that_forecasts_otherwise_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one with the gates in PyTorch's order."""
    monkeypatch.setattr(layers, "_gates_in_order", lambda weight: weight)
    with pytest.raises(NotExportableError, match=r"the graph is 1\.\de\+00 away from PyTorch"):
        checked_graph([network("lstm", "student_t")], {})


def test_a_network_of_another_kind_has_no_graph() -> None:
    one = network("lstm", "student_t")
    one.encoder = one.encoder.lstm  # type: ignore[assignment]
    with pytest.raises(NotExportableError, match="the encoder LSTM"):
        export([one], {})
    with pytest.raises(NotExportableError, match="the head Linear"):
        heads.parameters(None, torch.nn.Linear(1, 1), "raw")  # type: ignore[arg-type]


@pytest.mark.parametrize("columns", [None, ["close"]], ids=["bars", "closes"])
@pytest.mark.parametrize("horizon", [1, 7, 60])
def test_the_graph_that_is_shipped_is_of_the_weights_that_are(
    columns: list[str] | None, horizon: int
) -> None:
    """`scripts/export_onnx.py` writes it anew where this fails."""
    graph = shipped_graph()
    assert graph.networks.about["weights"] == shipped_hash()
    bars = simulated_bars(4, 120)
    history = as_history(bars if columns is None else bars[columns])
    ours, theirs = (
        forecast_ahead(zero_shot_forecaster(history, horizon, which), [history])[0]
        for which in (graph, shipped())
    )
    names = [*QUANTILES, "mean_return", "chance_up"]
    np.testing.assert_allclose(ours.table[names], theirs.table[names], rtol=1e-5, atol=1e-7)


def test_a_graph_of_other_weights_is_refused() -> None:
    content = dump_graph(shipped(), "0" * 64)
    with pytest.raises(GraphError, match="made from other weights"):
        PretrainedGraph.parse(content, shipped_hash())
    with pytest.raises(GraphError, match="the graph cannot be used"):
        PretrainedGraph.parse(content[:-9000], shipped_hash())
    plain, _ = checked_graph([network("lstm", "student_t")], {})
    with pytest.raises(GraphError, match="the graph cannot be used: 'columns'"):
        PretrainedGraph.parse(plain, shipped_hash())


def forged(content: bytes, how: Callable[[Any], None]) -> bytes:
    """A graph with something else in it, and a seal that fits."""
    model = onnx.load_from_string(content)
    how(model)
    for one in model.metadata_props:
        told = json.loads(one.value) | {"sha256": BLANK}
        one.value = json.dumps(told)
    return sealed(model.SerializeToString())


def lose_a_column(model: Any) -> None:
    """The weights that read the inputs read one fewer."""
    weight = next(w for w in model.graph.initializer if tuple(w.dims)[:1] == (COLUMNS,))
    values = onnx.numpy_helper.to_array(weight)[1:].copy()
    weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))


def fill_with_nan(model: Any) -> None:
    for weight in model.graph.initializer:
        values = onnx.numpy_helper.to_array(weight)
        if values.dtype == np.float32:
            values = np.full_like(values, np.nan)
            weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))


def answer_with_inputs(model: Any) -> None:
    """Every answer is the scale of the inputs."""
    outputs = {one.name for one in model.graph.output}
    for node in list(model.graph.node):
        if outputs & set(node.output):
            model.graph.node.remove(node)
    model.graph.node.extend(
        onnx.helper.make_node("Identity", ["scale"], [name]) for name in sorted(outputs)
    )
    del model.graph.output[:]
    model.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, None])
        for name in sorted(outputs)
    )


@pytest.mark.parametrize("how", [lose_a_column, fill_with_nan, answer_with_inputs])
def test_a_graph_that_does_not_fit_is_an_error_of_ours_and_says_nothing_itself(
    how: Callable[[Any], None], capfd: pytest.CaptureFixture[str]
) -> None:
    content = forged(export([network("lstm", "student_t")], {}), how)
    x = np.ones((2, 9, COLUMNS), dtype=np.float32)
    with pytest.raises(GraphError, match="the graph cannot be used: "):
        GraphNetworks(content).run(x, x[..., 0], [0, 0], 3)
    assert capfd.readouterr() == ("", "")


def test_a_flipped_bit_of_a_graph_is_found() -> None:
    content = export([network("lstm", "student_t")], {})
    for bit in np.random.default_rng(0).integers(8 * len(content), size=60):
        altered = bytearray(content)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(GraphError, match="the graph cannot be used: "):
            GraphNetworks(bytes(altered))


VARIANTS = (
    "model.members=1",
    "model.variants=[{network: lstm_cnn, head: quantile}]",
    "model.pool.method=validation",
)


@pytest.mark.parametrize(
    "overrides", [(), LAST, PRICE, VARIANTS], ids=["every", "last", "price", "variants"]
)
def test_a_run_forecasts_by_its_graphs_as_by_pytorch(
    overrides: tuple[str, ...], tmp_path: Path
) -> None:
    run = create_run(tmp_path, trained(*overrides))
    assert run.record["graphs"]["exported"] is True
    assert run.record["graphs"]["difference"] <= TOLERANCE
    told: list[str] = []
    quick, slow = run.quick_forecaster(told.append), run.forecaster()
    assert told == []
    assert quick.member_names() == slow.member_names()
    assert all(group.graphs is not None for group in quick.groups)
    inputs = slow.inputs([HISTORY])
    # From the first origin of validation on: both the networks and the refitted ones.
    rows = {"AAA": np.arange(280, len(inputs.dates[0]))}
    ours, theirs = (forecaster.forecast(inputs, rows)["AAA"] for forecaster in (quick, slow))
    np.testing.assert_allclose(ours.mean(), theirs.mean(), rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(
        ours.quantiles(LEVELS), theirs.quantiles(LEVELS), rtol=1e-4, atol=1e-6
    )


def spoilt(run: Run, how: str) -> Run:
    """The run with something amiss of its graphs."""
    path = run.path / "networks.onnx"
    if how == "altered":
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))
    elif how == "missing":
        path.unlink()
    elif how == "of other columns":
        other = export([network("lstm", "student_t", seed) for seed in (1, 2)], {})
        path.write_bytes(other)
        known = run.record["files"] | {path.name: hashlib.sha256(other).hexdigest()}
        return replace(run, record={**run.record, "files": known})
    else:
        files = {k: v for k, v in run.record["files"].items() if not k.endswith(".onnx")}
        return replace(run, record={**run.record, "files": files})
    return run


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("altered", "`networks.onnx` of the run .* is not what training wrote"),
        ("missing", "`networks.onnx` is missing from the run"),
        ("of other columns", "the graph cannot be used: "),
        ("of before", "the run has no graph of them"),
        ("no onnxruntime", "onnxruntime is not installed"),
    ],
)
def test_without_a_graph_pytorch_forecasts_and_says_so(
    how: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(tmp_path, trained())
    if how == "no onnxruntime":
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
    else:
        run = spoilt(run, how)
    told: list[str] = []
    forecaster = run.quick_forecaster(told.append)
    assert forecaster.groups[0].graphs is None
    assert len(told) == 1
    assert told[0].startswith("note: PyTorch runs the networks, which takes longer to start: ")
    with pytest.raises(ValueError, match=why):
        raise ValueError(told[0])


def test_training_goes_on_without_onnx(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    run = create_run(tmp_path, trained())
    assert run.record["graphs"] == {"exported": False, "why": "onnxruntime is not installed"}
    assert not list(run.path.glob("*.onnx"))


def test_a_forecast_does_not_load_pytorch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by a run nor by the pretrained networks; nor what only training and scoring need.

    And onnxruntime keeps no identifier of the machine and no events to report.
    """
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "TMPDIR"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    place = Workplace.make(tmp_path, HISTORY, simulated(2, 90, symbol="BBB"))
    create_run(place.runs, trained())
    heavy = ("torch", "sklearn", "matplotlib", "arch", "joblib", "onnx", "yfinance")
    first = (
        "import atexit, sys; atexit.register(lambda: print(sorted("
        f"{set(heavy)!r} & set(sys.modules)), file=sys.stderr))"
    )
    result = place.run("forecast", "AAA", "BBB", "--json", first=first)
    assert result.returncode == 0, result.stderr
    assert [one["forecaster"] for one in json.loads(result.stdout)["symbols"]] == [
        "trained",
        "pretrained",
    ]
    assert result.stderr.splitlines()[-1] == "[]"
    assert not [*home.rglob("Microsoft"), *home.rglob(".ses")]
