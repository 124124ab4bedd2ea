"""What a simulated market is like: the prior, part by part, with its sources.

Each market draws its constants once, from the ranges below. They are wide on purpose: a network
that is to forecast any listing must have seen calm indices, wild coins, shares that trade in ticks
and shares that jump with every report. `Prior(without=...)` leaves parts out, which is how their
worth is measured.

| part | what it adds | source |
| --- | --- | --- |
| `scales` | log volatility as a sum of four autoregressions, with half-lives from a day to six years; one of the middle alone without it | Corsi (2009); the sum over scales mimics rough and long memory, Gatheral, Jaisson and Rosenbaum (2018) |
| `feedback` | volatility rises after a large move of either sign | Bollerslev (1986); in logs Nelson (1991) |
| `activity` | part of that answer is to how active the session was, as its range and volume show, not to where it closed | Engle and Gallo (2006), Shephard and Sheppard (2010) |
| `leverage` | volatility rises more after a fall than after a rise | Black (1976), Nelson (1991) |
| `tails` | returns with fat tails given the volatility: Student-t overnight, a volatility of the day itself that varies | Clark (1973), Bollerslev (1987) |
| `jumps` | rare jumps | Merton (1976) |
| `news` | reports every quarter that move the opening price and are over soon | Patell and Wolfson (1981), Dubinsky and Johannes (2006) |
| `overnight` | a share of the variance that falls between close and open and varies from day to day; a fixed fifth without it | French and Roll (1986) |
| `holidays` | thin sessions, half days and such, that move little and say nothing of the next | French and Roll (1986) |
| `regimes` | rare lasting shifts of the level of volatility | Hamilton (1989), Lamoureux and Lastrapes (1990) |
| `range` | highs and lows that understate the day's path, by a bias of each market | Parkinson (1980), Garman and Klass (1980) |
| `volume` | volume that moves with volatility, and tells a little of tomorrow's | Tauchen and Pitts (1983), Andersen (1996) |
| `market` | shocks and volatility shared by the markets of a group | Sharpe (1963), Campbell, Lettau, Malkiel and Xu (2001) |
| `ticks` | prices in steps, so that some closes do not change | Harris (1991), Lesmond, Ogden and Trzcinka (1999) |
"""  # noqa: E501 - a table has its rows on one line

import math
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

PARTS = (
    "scales",
    "feedback",
    "activity",
    "leverage",
    "tails",
    "jumps",
    "news",
    "overnight",
    "holidays",
    "regimes",
    "range",
    "volume",
    "market",
    "ticks",
)

COMPONENTS = 4
HALF_LIVES = ((0.7, 4.0), (5.0, 25.0), (20.0, 120.0), (120.0, 1500.0))
"""Sessions in which each component of the log volatility falls back by half."""

SHARES = (0.3, 0.8, 1.3, 1.2)
"""How much of the variance a component can have, in proportion."""

NEWS_CYCLE = 63
"""Sessions from one quarterly report to the next."""


@dataclass(frozen=True)
class Markets:
    """The constants of `n` markets, each a tensor `(n,)` unless a shape is given.

    Returns are in percent. A group is a run of `group` neighbours, which share a market.

    Args:
        level: log of the usual volatility of a session.
        deviation: `(4, n)`, stationary standard deviation of each component of log volatility.
        persistence: `(4, n)`, share of each component that is left after a session.
        size, sign, own: `(4, n)`, how a component's innovation is composed of the size of the
            day's move, its sign, and noise of its own; squares sum to about 1.
        drift: mean return of a session.
        autocorrelation: of returns.
        df: degrees of freedom of the overnight shock.
        day: standard deviation of the log of what a day's volatility adds to the state's.
        curve: power of the move that volatility answers to: near 0 its log, 1 its size.
        of_activity: how much of the answer is to the day's activity instead of the move.
        overnight, overnight_spread: share of the variance overnight, and how its log varies.
        jump_chance, jump_size: chance of a jump a session; its size in units of the volatility.
        news_size: how many times larger the overnight move is on the day of a report; 0 for none.
        news_phase: session of the cycle on which the reports come.
        thin_chance, thin_depth: of a thin session; how far below the usual log activity it lies.
        shift_chance, shift_size: of a new level of volatility; standard deviation of its log.
        range_bias: what share of the way to the true high and low is reported.
        volume_slope, volume_news: how log volume follows the day's volatility, and tomorrow's.
        volume_memory, volume_noise: of its own slow swings.
        shared_shock, shared_volatility: share of a group's common part in returns and in
            volatility, as correlations between two markets of it.
        tick: price step as a share of the first price; 0 for none.
        group: markets that share a market.
    """

    level: Tensor
    deviation: Float[Tensor, "4 n"]
    persistence: Float[Tensor, "4 n"]
    size: Float[Tensor, "4 n"]
    sign: Float[Tensor, "4 n"]
    own: Float[Tensor, "4 n"]
    drift: Tensor
    autocorrelation: Tensor
    df: Tensor
    day: Tensor
    curve: Tensor
    of_activity: Tensor
    overnight: Tensor
    overnight_spread: Tensor
    jump_chance: Tensor
    jump_size: Tensor
    news_size: Tensor
    news_phase: Tensor
    thin_chance: Tensor
    thin_depth: Tensor
    shift_chance: Tensor
    shift_size: Tensor
    range_bias: Tensor
    volume_slope: Tensor
    volume_news: Tensor
    volume_memory: Tensor
    volume_noise: Tensor
    shared_shock: Tensor
    shared_volatility: Tensor
    tick: Tensor
    group: int


@dataclass(frozen=True)
class Prior:
    """The distribution that markets are drawn from.

    Args:
        without: names of `PARTS` to leave out.

    Raises:
        ValueError: a part that does not exist.
    """

    without: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        unknown = sorted(self.without.difference(PARTS))
        if unknown:
            raise ValueError(
                f"`without` names {', '.join(unknown)}; the parts are {', '.join(PARTS)}"
            )

    def draw(self, n: int, generator: torch.Generator, group: int = 8) -> Markets:
        """Draw the constants of `n` markets, on the generator's device.

        Args:
            n: markets, a multiple of `group`.
            generator: where all randomness comes from.
            group: neighbours that share a market.

        Raises:
            ValueError: `n` that is no multiple of `group`.
        """
        if n % group:
            raise ValueError(f"`n` must be a multiple of `group`, got {n} and {group}")
        u = _Draws(n, generator)
        spread = u.log_uniform(0.2, 0.9)
        shares = torch.stack([most * u.of_group(group, 0, 1) ** 1.5 + 0.02 for most in SHARES])
        if not self._has("scales"):
            shares = torch.tensor([0.0, 1.0, 0.0, 0.0], device=u.device)[:, None].expand(-1, n)
        deviation = spread * (shares / shares.sum(0)).sqrt()
        half_lives = torch.stack(
            [u.of_group(group, math.log(a), math.log(b)).exp() for a, b in HALF_LIVES]
        )
        size, sign, own = self._innovations(u, group)
        return Markets(
            level=u.log_uniform(0.25, 5.0).log(),
            deviation=deviation,
            persistence=0.5 ** (1 / half_lives),
            size=size,
            sign=sign,
            own=own,
            drift=0.04 * u.normal(),
            autocorrelation=0.05 * u.normal() * u.chance(0.5),
            df=self._if("tails", 2.8 + u.log_uniform(0.8, 40), 50.0),
            day=self._if("tails", 0.5 * u.uniform(0, 1)),
            curve=u.uniform(0.4, 2.2),
            of_activity=self._if("activity", 1 - u.uniform(0, 1) ** 2),
            overnight=self._if("overnight", u.uniform(0.03, 0.45), 0.2),
            overnight_spread=self._if("overnight", u.uniform(0, 0.6)),
            jump_chance=self._if("jumps", u.log_uniform(5e-4, 0.02) * u.chance(0.5)),
            jump_size=u.uniform(1.5, 5.0),
            news_size=self._if("news", u.uniform(0.5, 9.0) * u.chance(0.55)),
            news_phase=u.integer(NEWS_CYCLE),
            thin_chance=self._if("holidays", u.of_group(group, 0.0, 0.05)),
            thin_depth=u.uniform(0.3, 1.0),
            shift_chance=self._if("regimes", u.log_uniform(1 / 4000, 1 / 250) * u.chance(0.5)),
            shift_size=u.uniform(0.1, 0.6),
            range_bias=self._if("range", u.uniform(0.85, 1.05), 1.0),
            volume_slope=self._if("volume", u.uniform(0.1, 1.5)),
            volume_news=self._if("volume", u.uniform(0, 1.5)),
            volume_memory=0.5 ** (1 / u.log_uniform(2, 60)),
            volume_noise=u.uniform(0.1, 0.45),
            shared_shock=self._if("market", u.of_group(group, 0.0, 0.95)),
            shared_volatility=self._if("market", u.of_group(group, 0.0, 1.0) ** 0.5),
            tick=self._if("ticks", u.log_uniform(1e-5, 2e-2) * u.chance(0.3)),
            group=group,
        )

    def _has(self, part: str) -> bool:
        return part not in self.without

    def _if(self, part: str, values: Tensor, otherwise: float = 0.0) -> Tensor:
        """The values, drawn also where the part is left out: the rest of a market is the same."""
        return values if self._has(part) else torch.full_like(values, otherwise)

    def _innovations(self, u: "_Draws", group: int) -> tuple[Tensor, Tensor, Tensor]:
        """Loadings on the size and the sign of the day's move and on noise of its own."""
        feedback = self._if("feedback", u.of_group(group, 0, 1) ** 1.2)
        size = (0.8 * feedback).sqrt().expand(COMPONENTS, -1)
        leverage = self._if("leverage", u.uniform(-0.1, 1.0))
        each = torch.stack([u.uniform(0.4, 1) for _ in range(COMPONENTS)])
        sign = -leverage * each * (1 - 0.5 * size**2).sqrt()
        return size, sign, (1 - size**2 - sign**2).clamp(min=0.02).sqrt()


class _Draws:
    """Random numbers of `n` markets."""

    def __init__(self, n: int, generator: torch.Generator) -> None:
        self.n = n
        self.generator = generator
        self.device = generator.device

    def uniform(self, low: float, high: float) -> Tensor:
        share = torch.rand(self.n, generator=self.generator, device=self.device)
        return low + (high - low) * share

    def log_uniform(self, low: float, high: float) -> Tensor:
        return self.uniform(math.log(low), math.log(high)).exp()

    def normal(self) -> Tensor:
        return torch.randn(self.n, generator=self.generator, device=self.device)

    def chance(self, p: float) -> Tensor:
        """1 with probability `p`, else 0."""
        return (self.uniform(0, 1) < p).float()

    def integer(self, below: int) -> Tensor:
        return torch.randint(below, (self.n,), generator=self.generator, device=self.device)

    def of_group(self, group: int, low: float, high: float) -> Tensor:
        """The same number for all markets of a group."""
        return self.uniform(low, high)[::group].repeat_interleave(group)
