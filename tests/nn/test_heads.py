"""What the heads promise: densities, ranges that widen, and a sensible forecast before training."""

import math

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.descent import reach_the_least
from torch import Tensor

from lstmcast.errors import ConfigError
from lstmcast.nn import HEADS, Head, PointHead, StudentTHead
from lstmcast.nn.heads.student_t import (
    FIRST_DF,
    MAX_DF,
    MIN_DF,
    degrees_of_freedom,
    raw_of_df,
    student_t_nll,
    width_to_scale,
)
from lstmcast.nn.heads.term_structure import cumulated

HIDDEN, BATCH, TIME = 6, 3, 5
FAN = tuple(range(1, 61))


def random_head(kind: type[Head], horizons: tuple[int, ...], spread: float = 1.0) -> Head:
    """A head with weights as wild as `spread`."""
    head = kind(HIDDEN, horizons).double()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(spread * torch.randn_like(parameter))
    return head


def hidden_and_scale() -> tuple[Tensor, Tensor]:
    hidden = torch.tanh(torch.randn(BATCH, TIME, HIDDEN, dtype=torch.float64))
    return hidden, torch.rand(BATCH, TIME, dtype=torch.float64) * 0.03 + 0.002


def test_the_density_is_that_of_scipy() -> None:
    y, loc = torch.randn(2, 50, dtype=torch.float64)
    df, scale = torch.rand(2, 50, dtype=torch.float64) * 5 + torch.tensor([[2.1], [0.1]])
    expected = -scipy.stats.t.logpdf(y, df, loc, scale)
    np.testing.assert_allclose(student_t_nll(y, df, loc, scale), expected, rtol=1e-12)


def test_the_density_is_accurate_in_single_precision() -> None:
    y = torch.linspace(-8, 8, 101, dtype=torch.float64)
    for df in (MIN_DF, 6.0, MAX_DF):
        exact = student_t_nll(y, torch.tensor(df).double(), torch.zeros(1), torch.ones(1))
        single = student_t_nll(y.float(), torch.tensor(df), torch.zeros(1), torch.ones(1))
        assert (exact - single).abs().max() < 2e-5


@given(initial=st.floats(0.01, 10), long_run=st.floats(0.01, 10), decay=st.floats(0.01, 0.995))
@settings(max_examples=30, deadline=None)
def test_the_term_structure_is_the_sum_of_its_path(
    initial: float, long_run: float, decay: float
) -> None:
    path = [long_run + (initial - long_run) * decay**k for k in range(60)]
    start, end, rate = torch.tensor([initial, long_run, decay], dtype=torch.float64)[
        :, None, None, None
    ]
    closed = cumulated(start, end, rate, torch.tensor(FAN, dtype=torch.float64))
    np.testing.assert_allclose(closed[0, 0], np.cumsum(path), rtol=1e-10)


def test_untrained_the_next_session_has_the_ewma_volatility() -> None:
    hidden, scale = hidden_and_scale()
    params = StudentTHead(HIDDEN, (1,)).double()(hidden, scale)
    deviation = params.scale * (params.df / (params.df - 2)).sqrt()
    torch.testing.assert_close(deviation[..., 0], scale, rtol=1e-6, atol=0)
    torch.testing.assert_close(params.df, torch.full_like(params.df, FIRST_DF))
    assert (params.loc == 0).all()


def test_untrained_the_range_grows_with_the_root_of_the_horizon() -> None:
    hidden, scale = hidden_and_scale()
    params = StudentTHead(HIDDEN, FAN).double()(hidden, scale)
    width = params.scale / width_to_scale(params.df)
    root = torch.tensor(FAN, dtype=torch.float64).sqrt()
    torch.testing.assert_close(width, width[..., :1] * root)


@pytest.mark.parametrize("spread", [0.3, 1.0, 5.0])
def test_every_range_widens_with_the_horizon(spread: float) -> None:
    head = random_head(StudentTHead, FAN, spread)
    df, loc, scale = (value.detach().numpy() for value in head(*hidden_and_scale()))
    for level in (0.55, 0.75, 0.9, 0.95, 0.975):
        width = scale * scipy.stats.t.ppf(level, df)
        assert (np.diff(width, axis=-1) > 0).all()
    assert np.isfinite(loc).all()
    assert (np.diff(df, axis=-1) >= 0).all()


def test_thinner_tails_never_narrow_a_range_of_the_same_width() -> None:
    df = torch.linspace(MIN_DF, MAX_DF, 2000, dtype=torch.float64)
    for level in (0.55, 0.75, 0.9, 0.95, 0.975):
        quantile = width_to_scale(df).numpy() * scipy.stats.t.ppf(level, df.numpy())
        assert (np.diff(quantile) > 0).all()


def test_degrees_of_freedom_stay_within_their_bounds() -> None:
    raw = torch.tensor([-1e6, -3.0, 0.0, 3.0, 1e6], dtype=torch.float64)
    df = degrees_of_freedom(raw)
    assert ((df >= MIN_DF) & (df <= MAX_DF)).all()
    assert degrees_of_freedom(torch.tensor(raw_of_df(4.2))).item() == pytest.approx(4.2, rel=1e-5)


def test_horizon_one_alone_is_the_first_of_many() -> None:
    many, one = StudentTHead(HIDDEN, FAN).double(), StudentTHead(HIDDEN, (1,)).double()
    with torch.no_grad():
        many.weight.copy_(torch.randn_like(many.weight))
        rows = [0, 1, -1]  # initial drift, initial width, degrees of freedom
        one.weight.copy_(many.weight[rows])
    hidden, scale = hidden_and_scale()
    for short, long in zip(one(hidden, scale), many(hidden, scale), strict=True):
        torch.testing.assert_close(short[..., 0], long[..., 0])


@pytest.mark.parametrize("kind", [head for head in HEADS.values() if head.is_distribution])
@pytest.mark.parametrize("horizons", [(1,), (1, 5, 20)])
def test_a_forecast_scales_with_its_volatility(kind: type[Head], horizons: tuple[int, ...]) -> None:
    head = random_head(kind, horizons)
    hidden, scale = hidden_and_scale()
    target = torch.randn(BATCH, TIME, len(horizons), dtype=torch.float64) * 0.02
    small = head.loss(head(hidden, scale), target)
    large = head.loss(head(hidden, 3 * scale), 3 * target)
    shift = large - small
    torch.testing.assert_close(shift, shift.flatten()[0].expand_as(shift))


@pytest.mark.parametrize("kind", HEADS.values())
@pytest.mark.parametrize("horizons", [(1,), (1, 5, 20)])
def test_every_head_gives_what_it_names(kind: type[Head], horizons: tuple[int, ...]) -> None:
    head = kind(HIDDEN, horizons)
    hidden, scale = (value.float() for value in hidden_and_scale())
    params = head(hidden, scale)
    assert params._fields == kind.names
    assert HEADS[kind.name] is kind
    for value in params:
        assert value.shape[:3] == (BATCH, TIME, len(horizons))
    loss = head.loss(params, torch.randn(BATCH, TIME, len(horizons)))
    assert loss.shape == (BATCH, TIME, len(horizons))
    loss.mean().backward()
    assert head.weight.grad is not None
    assert head.weight.grad.isfinite().all()
    assert head.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("kind", HEADS.values())
def test_absurd_hidden_units_give_finite_losses_and_gradients(kind: type[Head]) -> None:
    head = random_head(kind, (1, 5, 20)).float()
    hidden = torch.full((1, 2, HIDDEN), 1e4) * torch.tensor([1.0, -1.0])[None, :, None]
    loss = head.loss(head(hidden, torch.full((1, 2), 0.01)), torch.full((1, 2, 3), 0.5))
    loss.mean().backward()
    assert loss.isfinite().all()
    for parameter in head.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()


@pytest.mark.parametrize("horizons", [(1,), (2, 5, 20)])
@pytest.mark.parametrize("kind", HEADS.values())
def test_the_loss_has_the_right_gradient(kind: type[Head], horizons: tuple[int, ...]) -> None:
    """Horizons that hold 1 and others are left out: there the gradient is held back on purpose."""
    head = random_head(kind, horizons, 0.3)
    hidden, scale = hidden_and_scale()
    hidden = hidden[:1, :2].requires_grad_()
    target = torch.randn(1, 2, len(horizons), dtype=torch.float64) * 0.02
    assert torch.autograd.gradcheck(
        lambda h: head.loss(head(h, scale[:1, :2]), target), (hidden,), atol=1e-4
    )


def test_longer_horizons_do_not_teach_the_initial_values() -> None:
    """Raw outputs of the Student-t head: initial and long-run drift and width, decay, tails."""
    head = random_head(StudentTHead, (1, 5, 20), 0.3)
    hidden, scale = hidden_and_scale()
    target = torch.randn(*scale.shape, 3, dtype=torch.float64) * 0.02
    of_next, of_others = (
        torch.autograd.grad(head.loss(head(hidden, scale), target)[..., part].sum(), head.bias)[0]
        for part in (slice(0, 1), slice(1, None))
    )
    initial, long_run = [0, 1, 5], [2, 3, 4]
    assert of_next[initial].all()
    assert not of_others[initial].any()
    assert of_others[long_run].all()
    torch.testing.assert_close(of_next[long_run], torch.zeros(3, dtype=torch.float64))


def test_the_point_head_is_linear_and_squared() -> None:
    head = random_head(PointHead, (1, 2))
    hidden, scale = hidden_and_scale()
    value = head(hidden, scale).value
    torch.testing.assert_close(value, hidden @ head.weight.T + head.bias)
    assert torch.equal(value, head(hidden, 7 * scale).value)
    torch.testing.assert_close(
        head.loss(head(hidden, scale), value + 2), torch.full_like(value, 4.0)
    )


def test_the_student_t_head_recovers_a_known_distribution() -> None:
    generator = np.random.default_rng(5)
    y = generator.standard_t(5.0, size=4000) * 0.7 * 0.01 + 0.0005
    head = StudentTHead(1, (1,)).double()
    hidden = torch.zeros(1, len(y), 1, dtype=torch.float64)
    scale = torch.full((1, len(y)), 0.01, dtype=torch.float64)
    target = torch.tensor(y)[None, :, None]
    reach_the_least([*head.parameters()], lambda: head.loss(head(hidden, scale), target).mean())
    params = head(hidden, scale)
    df, loc, width = scipy.stats.t.fit(y)
    assert params.df[0, 0, 0].item() == pytest.approx(df, rel=0.02)
    assert params.scale[0, 0, 0].item() == pytest.approx(width, rel=0.01)
    assert params.loc[0, 0, 0].item() == pytest.approx(loc, abs=2e-5)
    assert df == pytest.approx(5.0, rel=0.25)


@pytest.mark.parametrize("horizons", [(), (0, 1), (5, 1), (1, 1)])
def test_horizons_must_increase_from_one(horizons: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="`horizons` must be sessions ahead"):
        PointHead(HIDDEN, horizons)


def test_wrong_shapes_are_named() -> None:
    head = PointHead(HIDDEN, (1,))
    with pytest.raises(ValueError, match=r"`hidden` must have shape \(batch, time, 6\)"):
        head(torch.zeros(2, 3, HIDDEN + 1), torch.zeros(2, 3))


def test_a_raw_width_is_a_log_factor_near_zero() -> None:
    head = StudentTHead(HIDDEN, (1,)).double()
    hidden, scale = hidden_and_scale()
    before = head(hidden, scale).scale
    with torch.no_grad():
        head.bias[1] += 0.1
    assert (head(hidden, scale).scale / before).log().mean().item() == pytest.approx(0.1, abs=1e-4)
    assert math.exp(3.0) > (head(hidden, scale).scale / before).max()
