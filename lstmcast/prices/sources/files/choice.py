"""Which of a file's symbols is the one that was asked for, whatever the exporter calls it.

`AAPL.US`, `NASDAQ:AAPL`, `AAPL US Equity` and `AAPL` are one; `600519`, `sh.600519` and `600519.SS`
too. `VOD.L` and `VOD.US` are two: both say their exchange, and not the same.
"""

import re
from collections.abc import Iterable

from lstmcast.errors import UsageError
from lstmcast.prices.calendar import SUFFIXES
from lstmcast.prices.symbols import normalise_symbol

_BLOOMBERG = re.compile(r"^(?P<stem>\S+)\s+(?P<country>[A-Z]{2})(\s+(EQUITY|INDEX|CURNCY|CORP))?$")
_PREFIX = re.compile(r"^(?P<exchange>[A-Z]{2,10})\s?:\s?(?P<stem>.+)$")
_CHINESE = re.compile(r"^(?P<exchange>SH|SZ|BJ)\.?(?P<stem>\d{6})$")
_OTHER_NAMES = {
    "US": "O OQ N UW UN UQ NASDAQ NYSE NYSEARCA AMEX XNAS XNYS ARCA BATS WIKI",
    "": "INDEX CC CRYPTO BINANCE COINBASE KRAKEN BITSTAMP INDEXSP INDEXDJX FX FX_IDC OANDA FOREX",
    "SS": "SH XSHG SSE SHA CH", "SZ": "XSHE SZSE SHE", "DE": "GR GY XETRA XETR ETR", "F": "FRA FF",
    "L": "LN LSE LON XLON UK", "T": "JP JT JPX TSE TYO XTKS", "HK": "HKEX HKG XHKG", "NS": "NSE IN",
    "BO": "BSE BOM IB", "KS": "KO KRX KP XKRX", "SA": "BMFBOVESPA BZ BVMF BS",
    "IS": "BIST TI XIST E", "PA": "EPA FP XPAR EURONEXT", "AS": "AMS NA XAMS",
    "AX": "ASX AU XASX", "TO": "TSX CN CT XTSE", "ME": "MOEX RM MISX", "MI": "BIT IM MIL XMIL",
    "MC": "BME SM XMAD", "SW": "SIX SE VX XSWX", "TW": "TWSE TPE TT XTAI", "WA": "WSE GPW PW XWAR",
}  # fmt: skip
_SAME_EXCHANGE = {name: suffix for suffix, names in _OTHER_NAMES.items() for name in names.split()}
"""Other names of exchanges, to Yahoo's suffix; those that say nothing of a listing to none."""
_MORE = (
    "AT BA BD BE BK CA CL CN CR DU HA HM IC KW LM LS MU NE NX PR PS QA RG SG SN SR TA TL V VN VS XC"
)
_KNOWN = frozenset((*SUFFIXES, *_SAME_EXCHANGE, *_OTHER_NAMES, *_MORE.split()))
"""What may stand behind the dot of a symbol and be an exchange, not a class of shares."""
_QUOTES = ("USDT", "USDC", "USD", "EUR", "GBP", "BTC", "ETH", "KRW", "JPY", "TRY")

SAME, ALIKE, NEUTRAL, OTHER = 3, 2, 1, 0
"""How two names go together: letter for letter, by what they mean, not to be told, not at all."""


def compare(wanted: str, given: str) -> int:
    """Return how the name of a symbol in a file goes with the one that was asked for."""
    given = given.strip().upper()
    if given == wanted:
        return SAME
    if not _is_ticker(given):
        return NEUTRAL
    stem, exchange = _parts(wanted)
    other, elsewhere = _parts(given)
    if not exchange and not stem.isdigit():
        exchange = "US"  # as Yahoo and lstmcast write symbols
    if exchange and elsewhere and exchange != elsewhere:
        return OTHER
    if exchange == "T" and re.fullmatch(r"\d{4}0", other):  # codes of Tokyo with a class of shares
        other = other[:4]
    if stem == other or (stem.isdigit() and other.isdigit() and int(stem) == int(other)):
        return ALIKE
    return OTHER


def _is_ticker(name: str) -> bool:
    """Whether a name can be a ticker, and not a company's name."""
    plain = _PREFIX.sub(lambda match: match["stem"], name)
    return bool(_BLOOMBERG.match(name)) or bool(
        re.fullmatch(r"\^?[A-Z0-9][A-Z0-9./=&_^-]{0,14}", plain)
    )


def _parts(name: str) -> tuple[str, str]:
    """Return a symbol without its exchange, and the exchange; both empty where there is none."""
    exchange = ""
    if match := _BLOOMBERG.match(name):
        name, exchange = match["stem"], match["country"]
    elif match := _PREFIX.match(name) or _CHINESE.match(name):
        name, exchange = match["stem"], match["exchange"]
    else:
        stem, dot, suffix = name.rpartition(".")
        if dot and stem and suffix in _KNOWN:
            name, exchange = stem, suffix
    exchange = _SAME_EXCHANGE.get(exchange, exchange)
    return re.sub(r"[./_ -]", "", name.removeprefix("$")), exchange


def best_match(wanted: str, names: Iterable[str]) -> tuple[list[str], int]:
    """Return the names that go best with a symbol, and how well."""
    levels = {name: compare(wanted, name) for name in names}
    best = max(levels.values(), default=OTHER)
    return [name for name, level in levels.items() if level == best], best


def as_symbol(name: str) -> str:
    """Return the name of a symbol in a file as a symbol of lstmcast's.

    Raises:
        UsageError: it cannot be one.
    """
    text = re.sub(r"[/ ]", "-", _PREFIX.sub(lambda match: match["stem"], name.strip().upper()))
    if match := _BLOOMBERG.match(name.strip().upper()):
        suffix = _SAME_EXCHANGE.get(match["country"], match["country"])
        text = match["stem"] if suffix == "US" else f"{match['stem']}.{suffix}"
    return normalise_symbol(text)


def is_symbol(name: str) -> bool:
    """Whether a name can be a symbol of lstmcast's."""
    try:
        as_symbol(name)
    except UsageError:
        return False
    return True
