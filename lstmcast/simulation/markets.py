"""From the constants of markets to their daily bars, session by session, on any device.

With log volatility l_t = level + shift_t + x_1t + ... + x_4t and s_t = exp(l_t), the return of
session t is

    r_t = drift + a r_(t-1) + s_t u_t,        u_t = night_t + day_t,

where night_t and day_t are what the session's news moves the price overnight and while the market
is open, in units of s_t. Each component falls back and takes up an innovation that is part size of
the move, part its sign (leverage), and part noise of its own:

    x_k,t+1 = p_k x_kt + d_k sqrt(1 - p_k^2) (size_k f(|u_t|, a_t) + sign_k u_t + own_k e_kt),

where the size is taken from the move itself and from a_t, how active the session was, which shows
in its range and its volume rather than in its close.

Given the constants the shocks u_t do not depend on the state, so all of them are drawn at once and
only the recursions are left to run along the sessions.

Beside the bars come `again`: further draws of each session's return from the very state that it was
drawn from. They cost little and tell a network as much as several more paths would, since the noise
in a loss on one return is mostly that of the one return.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lstmcast.simulation.prior import COMPONENTS, NEWS_CYCLE, Markets

BURN_IN = 400
"""Sessions before the first one returned: the components begin in their stationary state, the
volume's slow swings and the shifts do not."""

MOST_LOG_VOLATILITY = (-5.0, 3.5)
MOST_SHOCK = 6.0
NEWS_JITTER = 1
"""By how many sessions a report comes early or late at most."""

NEWS_DAMPING = 0.7
"""By how much less a move that was due (a report) tells of the sessions after it."""


@dataclass(frozen=True)
class SimulatedBars:
    """Daily bars of several markets, each a tensor `(sessions, markets)`, float32.

    Args:
        open, high, low, close: prices; the first close is near 100.
        volume: shares traded.
        volatility: the state's s_t before the session, in percent.
        again: `(sessions, markets, draws)`, further draws of the session's log return in percent.
    """

    open: Float[Tensor, "t n"]
    high: Float[Tensor, "t n"]
    low: Float[Tensor, "t n"]
    close: Float[Tensor, "t n"]
    volume: Float[Tensor, "t n"]
    volatility: Float[Tensor, "t n"]
    again: Float[Tensor, "t n k"]


@torch.no_grad()
def simulate(
    markets: Markets, sessions: int, generator: torch.Generator, draws: int = 0
) -> SimulatedBars:
    """Simulate the markets over a number of sessions.

    Args:
        markets: their constants.
        sessions: daily bars of each.
        generator: where all randomness comes from; the same seed gives the same bars.
        draws: further draws of each session's return.

    Source: the module's text, and `prior` for each part.
    """
    noise = _Noise(markets, sessions + BURN_IN, generator)
    shocks = _shocks(markets, noise)
    components = _components(markets, noise, shocks)
    log_volatility = (markets.level + _shifts(markets, noise) + components.sum(1)).clamp(
        *MOST_LOG_VOLATILITY
    )
    s = log_volatility.exp()
    keep = slice(BURN_IN, None)
    returns = _filtered(markets.drift + s * shocks.total, markets.autocorrelation)
    volume = _volume(markets, noise, log_volatility, shocks.activity)
    before = torch.zeros_like(returns)
    before[1:] = returns[:-1]
    expected = (markets.drift + markets.autocorrelation * before)[keep]
    again = (
        torch.stack(
            [expected + s[keep] * _shocks(markets, noise.fresh(keep)).total for _ in range(draws)],
            -1,
        )
        if draws
        else returns.new_zeros(sessions, len(markets.level), 0)
    )
    return _bars(
        markets,
        noise.fresh(keep),
        (expected + s[keep] * shocks.night[keep], s[keep] * shocks.day[keep]),
        s[keep] * shocks.width[keep],
        volume[keep],
        again,
        s[keep],
    )


class _Noise:
    """Random numbers, a row a session, and which sessions have a report."""

    def __init__(
        self,
        markets: Markets,
        sessions: int,
        generator: torch.Generator,
        report: Tensor | None = None,
    ) -> None:
        self.markets = markets
        self.sessions = sessions
        self.generator = generator
        self.shape = (sessions, len(markets.level))
        self.report = _reports(markets, sessions, generator) if report is None else report

    def fresh(self, rows: slice) -> "_Noise":
        """More noise for some of the sessions, with the same reports."""
        report = self.report[rows]
        return _Noise(self.markets, len(report), self.generator, report)

    def normal(self, *leading: int) -> Tensor:
        shape = (*leading, *self.shape) if leading else self.shape
        return torch.randn(shape, generator=self.generator, device=self.generator.device)

    def uniform(self) -> Tensor:
        return torch.rand(
            self.shape, generator=self.generator, device=self.generator.device
        ).clamp_(min=1e-7)

    def shared(self, share: Tensor, own: Tensor) -> Tensor:
        """Noise of which a group has `share` (a correlation) in common, the rest each market's."""
        group = self.markets.group
        common = torch.randn(
            (self.sessions, self.shape[1] // group),
            generator=self.generator,
            device=self.generator.device,
        ).repeat_interleave(group, dim=1)
        return share.sqrt() * common + (1 - share).sqrt() * own


def _reports(markets: Markets, sessions: int, generator: torch.Generator) -> Tensor:
    """On which sessions each market has a report: a little early or late, each time anew."""
    device = generator.device
    steps = torch.arange(sessions, device=device)[:, None] + markets.news_phase
    cycles = sessions // NEWS_CYCLE + 2
    jitter = torch.randint(
        -NEWS_JITTER,
        NEWS_JITTER + 1,
        (cycles, len(markets.level)),
        generator=generator,
        device=device,
    ).gather(0, steps // NEWS_CYCLE)
    return (steps % NEWS_CYCLE == NEWS_CYCLE // 2 + jitter) & (markets.news_size > 0)


def _student_t(noise: _Noise, df: Tensor) -> Tensor:
    """Student-t numbers of unit variance, by the polar method (Bailey 1994)."""
    radius = (df * (noise.uniform() ** (-2 / df) - 1)).sqrt()
    angle = 2 * math.pi * noise.uniform()
    return radius * angle.cos() * ((df - 2) / df).sqrt()


@dataclass(frozen=True)
class _Shocks:
    """What each session's news does, `(sessions, markets)`.

    Args:
        night, day: what it moves the price overnight and while the market is open, in units of s_t.
        activity: log of how active the session is beyond the state.
        thin: by how much less it is for being thin, which says nothing of the next one.
        width: standard deviation of `day`, in units of s_t.
    """

    night: Tensor
    day: Tensor
    activity: Tensor
    thin: Tensor
    width: Tensor

    @property
    def total(self) -> Tensor:
        """The whole move."""
        return self.night + self.day


def _shocks(markets: Markets, noise: _Noise) -> _Shocks:
    group = markets.group
    closed = noise.uniform()[:, ::group].repeat_interleave(group, dim=1)
    thin = (closed < markets.thin_chance) * markets.thin_depth
    activity = markets.day * noise.shared(markets.shared_volatility, noise.normal())
    activity = activity - markets.day**2 - thin
    days = activity.exp()
    share = markets.overnight * (markets.overnight_spread * noise.normal()).exp()
    share = share.clamp(0.01, 0.9)
    night = noise.shared(markets.shared_shock, _student_t(noise, markets.df))
    night = days * share.sqrt() * night * (1 + noise.report * markets.news_size)
    jumps = (noise.uniform() < markets.jump_chance) * markets.jump_size * noise.normal()
    day = days * (1 - share).sqrt() * noise.shared(markets.shared_shock, noise.normal())
    return _Shocks(night + jumps, day, activity, thin, days * (1 - share).sqrt())


def _components(markets: Markets, noise: _Noise, shocks: _Shocks) -> Float[Tensor, "t 4 n"]:
    """The components of log volatility before each session."""
    shock, activity = shocks.total * shocks.thin.exp(), shocks.activity + shocks.thin
    damped = 1 - NEWS_DAMPING * noise.report.float()
    # Somewhere between the log and the square of the move (Box and Cox 1964), cut where a single
    # move would send volatility beyond reason; each of zero mean and unit variance in a market, so
    # that slow components stay where they belong.
    size = ((shock.abs().clamp(max=MOST_SHOCK) + 0.1) ** markets.curve - 1) / markets.curve
    move = markets.of_activity.sqrt() * _standard(activity)
    move = _standard(move + (1 - markets.of_activity).sqrt() * _standard(size)) * damped
    sign = shock / shock.square().mean(0).sqrt()
    sign = sign.clamp(-4, 4) * damped
    own = torch.stack(
        [noise.shared(markets.shared_volatility, noise.normal()) for _ in range(COMPONENTS)], 1
    )
    innovation = markets.size * move[:, None] + markets.sign * sign[:, None] + markets.own * own
    innovation *= markets.deviation * (1 - markets.persistence**2).sqrt()
    x = markets.deviation * torch.randn(
        markets.deviation.shape, generator=noise.generator, device=shock.device
    )
    found = torch.empty_like(innovation)
    for t in range(len(innovation)):
        found[t] = x
        x = torch.addcmul(innovation[t], markets.persistence, x)
    return found - (markets.deviation.square().sum(0) / 2 / COMPONENTS)


def _standard(values: Tensor) -> Tensor:
    """Of zero mean and unit variance in each market."""
    return (values - values.mean(0)) / values.std(0).clamp(min=1e-6)


def _shifts(markets: Markets, noise: _Noise) -> Tensor:
    """The level that lasts from one shift to the next."""
    shifted = noise.uniform() < markets.shift_chance
    rows = torch.arange(noise.sessions, device=shifted.device)[:, None]
    since = torch.where(shifted, rows, 0).cummax(0).values
    return torch.where(since > 0, (markets.shift_size * noise.normal()).gather(0, since), 0.0)


def _filtered(values: Tensor, share: Tensor) -> Tensor:
    """y_t = values_t + share y_(t-1)."""
    found = torch.empty_like(values)
    y = torch.zeros_like(values[0])
    for t in range(len(values)):
        y = torch.addcmul(values[t], share, y)
        found[t] = y
    return found


def _volume(markets: Markets, noise: _Noise, log_volatility: Tensor, activity: Tensor) -> Tensor:
    """Log of the shares traded: the day's own volatility, a little of tomorrow's, slow swings."""
    tomorrow = torch.zeros_like(log_volatility)
    tomorrow[:-1] = log_volatility[1:] - log_volatility[:-1]
    swings = _filtered(
        markets.volume_noise * (1 - markets.volume_memory**2).sqrt() * noise.normal(),
        markets.volume_memory,
    )
    today = log_volatility - markets.level + activity
    news = noise.report * (1 + markets.news_size).log()
    return (
        15.0
        + markets.volume_slope * (today + 0.5 * news)
        + markets.volume_news * tomorrow
        + swings
        + 0.15 * noise.normal()
    )


def _bars(
    markets: Markets,
    noise: _Noise,
    moves: tuple[Tensor, Tensor],
    width: Tensor,
    log_volume: Tensor,
    again: Tensor,
    s: Tensor,
) -> SimulatedBars:
    """Prices from the moves overnight and in the day, in percent.

    The high and the low are those of a Brownian bridge from the open to the close with the day's
    variance (each has a closed form; drawn apart, they do not know of each other).
    """
    night, day = moves
    up, down = (
        (day.square() - 2 * width.square() * noise.uniform().log()).sqrt() for _ in range(2)
    )
    top = torch.maximum(markets.range_bias * (day + up) / 2, day.clamp(min=0))
    bottom = torch.minimum(markets.range_bias * (day - down) / 2, day.clamp(max=0))
    log_close = (night + day).cumsum(0) / 100
    before = torch.zeros_like(log_close)
    before[1:] = log_close[:-1]
    opening = before + night / 100

    def price(log_price: Tensor) -> Tensor:
        return _in_ticks(100 * log_price.clamp(-12, 12).exp(), 100 * markets.tick)

    open_, close = price(opening), price(log_close)
    first = torch.cat([price(before[:1]), close[:-1]])
    if again.shape[-1] and bool((markets.tick > 0).any()):
        later = (before.unsqueeze(-1) + again / 100).clamp(-12, 12).exp() * 100
        again = 100 * (_in_ticks(later, 100 * markets.tick[:, None]) / first.unsqueeze(-1)).log()
    return SimulatedBars(
        open=open_,
        # Rounding alone may put a close beyond its high.
        high=torch.maximum(price(opening + top / 100), torch.maximum(open_, close)),
        low=torch.minimum(price(opening + bottom / 100), torch.minimum(open_, close)),
        close=close,
        volume=log_volume.clamp(0, 30).exp(),
        volatility=s,
        again=again,
    )


def _in_ticks(price: Tensor, tick: Tensor) -> Tensor:
    """Prices rounded to whole ticks, at least one; as they are where there is no tick."""
    step = torch.where(tick > 0, tick, 1.0)
    return torch.where(tick > 0, (price / step).round().clamp(min=1) * step, price)
