"""The mixture of two Student-t distributions against scipy and against simulated truth."""

import numpy as np
import pytest
import scipy.integrate
import scipy.optimize
import scipy.stats
import torch
from torch import Tensor

from lstmcast.nn import MixtureParams, StudentTMixtureHead

HIDDEN = 4
FAN = tuple(range(1, 61))


def wild_head(horizons: tuple[int, ...] = FAN) -> StudentTMixtureHead:
    head = StudentTMixtureHead(HIDDEN, horizons).double()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(torch.randn_like(parameter))
    return head


def forecast(head: StudentTMixtureHead) -> MixtureParams:
    hidden = torch.randn(2, 3, HIDDEN, dtype=torch.float64)
    params: MixtureParams = head(hidden, torch.full((2, 3), 0.01, dtype=torch.float64))
    return MixtureParams(*(value.detach() for value in params))


def cdf(x: float, params: list[np.ndarray]) -> float:
    weight, df, loc, scale = params
    return float((weight * scipy.stats.t.cdf(x, df, loc, scale)).sum())


def quantile(level: float, params: list[np.ndarray]) -> float:
    return float(scipy.optimize.brentq(lambda x: cdf(x, params) - level, -50, 50, xtol=1e-12))


def test_the_loss_is_the_log_of_the_mixed_densities() -> None:
    head = wild_head((1, 5, 20))
    params = forecast(head)
    target = torch.randn(2, 3, 3, dtype=torch.float64) * 0.02
    weight, df, loc, scale = (value.numpy() for value in params)
    densities = scipy.stats.t.pdf(target.numpy()[..., None], df, loc, scale)
    expected = -np.log((weight * densities).sum(axis=-1))
    np.testing.assert_allclose(head.loss(params, target), expected, rtol=1e-10)


def test_the_density_integrates_to_one() -> None:
    head = wild_head((1,))
    params = forecast(head)
    grid = torch.linspace(-40, 40, 400_001, dtype=torch.float64)
    one = MixtureParams(*(value[:1, :1].expand(1, len(grid), 1, 2) for value in params))
    density = torch.exp(-head.loss(one, grid[None, :, None]))
    assert scipy.integrate.trapezoid(density[0, :, 0], grid) == pytest.approx(1, abs=1e-3)


def test_weights_and_widths_keep_their_order() -> None:
    weight, df, _, scale = forecast(wild_head())
    torch.testing.assert_close(weight.sum(dim=-1), torch.ones_like(weight[..., 0]))
    assert (weight[..., 0] > 0.5).all()
    assert (weight[..., 1] > 0.02).all()
    assert (df >= 2.5).all()
    assert (df <= 50).all()
    assert (scale > 0).all()


def test_every_range_widens_with_the_horizon() -> None:
    params = forecast(wild_head((1, 2, 5, 6, 20, 60)))
    for row in range(3):
        components = [[value[0, row, h].numpy() for value in params] for h in range(6)]
        for level in (0.6, 0.9, 0.975):
            widths = [quantile(level, p) - quantile(1 - level, p) for p in components]
            assert (np.diff(widths) > 0).all()


def test_untrained_it_has_the_ewma_volatility() -> None:
    head = StudentTMixtureHead(HIDDEN, (1, 9)).double()
    weight, df, loc, scale = forecast(head)
    variance = (weight * scale**2 * df / (df - 2)).sum(dim=-1)
    root = torch.tensor([1.0, 3.0], dtype=torch.float64).expand_as(variance)
    torch.testing.assert_close(variance.sqrt(), 0.01 * root, rtol=1e-6, atol=0)
    assert (loc == 0).all()
    torch.testing.assert_close(weight[..., 1], torch.full_like(variance, 0.2))


def test_it_fits_calm_days_mixed_with_wild_ones() -> None:
    generator = np.random.default_rng(4)
    wild = generator.random(4000) < 0.15
    y = np.where(
        wild, 0.03 * generator.normal(size=4000) + 0.005, 0.008 * generator.normal(size=4000)
    )
    truth = 0.85 * scipy.stats.norm.pdf(y, 0, 0.008) + 0.15 * scipy.stats.norm.pdf(y, 0.005, 0.03)
    head = StudentTMixtureHead(1, (1,)).double()
    hidden = torch.zeros(1, len(y), 1, dtype=torch.float64)
    scale = torch.full((1, len(y)), 0.01, dtype=torch.float64)
    target = torch.tensor(y)[None, :, None]
    optimiser = torch.optim.LBFGS(head.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = head.loss(head(hidden, scale), target).mean()
        loss.backward()
        return loss

    optimiser.step(closure)
    # Fitted to the sample it may do a little better than the truth, and not noticeably worse.
    assert closure().item() == pytest.approx(-np.log(truth).mean(), abs=0.003)
    params = head(hidden, scale)
    assert params.weight[0, 0, 0, 1].item() == pytest.approx(0.15, abs=0.04)
    assert params.loc[0, 0, 0, 1].item() == pytest.approx(0.005, abs=0.003)
