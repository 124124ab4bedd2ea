"""Which exchange a symbol's form names, as Yahoo writes symbols."""

import re

from lstmcast.prices.weeks import EVERY_DAY, WEEKDAYS

SUFFIXES = {
    "": "XNYS",
    "AS": "XAMS",
    "AX": "XASX",
    "BA": "XBUE",
    "BD": "XBUD",
    "BE": "XFRA",
    "BK": "XBKK",
    "BO": "XBOM",
    "BR": "XBRU",
    "CL": "XBOG",
    "CN": "XTSE",
    "CO": "XCSE",
    "DE": "XETR",
    "DU": "XDUS",
    "F": "XFRA",
    "HE": "XHEL",
    "HK": "XHKG",
    "HM": "XHAM",
    "IC": "XICE",
    "IR": "XDUB",
    "IS": "XIST",
    "JK": "XIDX",
    "JO": "XJSE",
    "KA": "XKAR",
    "KL": "XKLS",
    "KQ": "XKRX",
    "KS": "XKRX",
    "L": "XLON",
    "LM": "XLIM",
    "LS": "XLIS",
    "MC": "XMAD",
    "ME": "XMOS",
    "MI": "XMIL",
    "MU": "XFRA",
    "MX": "XMEX",
    "NE": "XTSE",
    "NS": "XBOM",
    "NZ": "XNZE",
    "OL": "XOSL",
    "PA": "XPAR",
    "PR": "XPRA",
    "PS": "XPHS",
    "RG": "XRIS",
    "SA": "BVMF",
    "SG": "XSTU",
    "SH": "XSHG",
    "SI": "XSES",
    "SN": "XSGO",
    "SR": "XSAU",
    "SS": "XSHG",
    "ST": "XSTO",
    "SW": "XSWX",
    "SZ": "XSHG",
    "T": "XTKS",
    "TL": "XTAL",
    "TO": "XTSE",
    "TW": "XTAI",
    "TWO": "XTAI",
    "V": "XTSE",
    "VI": "XWBO",
    "VS": "XLIT",
    "WA": "XWAR",
}
"""Yahoo's (and Tushare's) suffix to the ISO market identifier. Shenzhen and Bombay share the
holidays of Shanghai and of India's other exchange."""

INDICES = {
    "^AEX": "XAMS",
    "^ATX": "XWBO",
    "^AXJO": "XASX",
    "^BFX": "XBRU",
    "^BSESN": "XBOM",
    "^BVSP": "BVMF",
    "^FCHI": "XPAR",
    "^FTSE": "XLON",
    "^GDAXI": "XETR",
    "^GSPTSE": "XTSE",
    "^HSI": "XHKG",
    "^IBEX": "XMAD",
    "^JKSE": "XIDX",
    "^KLSE": "XKLS",
    "^KQ11": "XKRX",
    "^KS11": "XKRX",
    "^MXX": "XMEX",
    "^N225": "XTKS",
    "^NSEI": "XBOM",
    "^NZ50": "XNZE",
    "^SSMI": "XSWX",
    "^STI": "XSES",
    "^STOXX50E": "XETR",
    "^TWII": "XTAI",
}
"""Indices of other markets than the American, which Yahoo writes without a suffix."""


_COIN = re.compile(r"[A-Z0-9]+-(USD[CT]?|EUR|GBP|JPY|AUD|CAD|CHF|CNY|INR|KRW|BRL|BTC|ETH)")


def calendar_of(symbol: str) -> str:
    """Return the calendar that a symbol's form suggests: a market identifier, or one of two rules.

    `BTC-USD` trades every day; `EURUSD=X` and symbols with an unknown suffix on weekdays.
    """
    if symbol in INDICES:
        return INDICES[symbol]
    if _COIN.fullmatch(symbol):
        return EVERY_DAY
    if "=" in symbol:
        return WEEKDAYS
    stem, dot, suffix = symbol.rpartition(".")
    if not dot or not stem:
        return SUFFIXES[""]
    return SUFFIXES.get(suffix, WEEKDAYS)


def names_exchange(symbol: str) -> bool:
    """Tell whether a symbol says which exchange it is of; a plain one in a file may be of any."""
    _, dot, suffix = symbol.rpartition(".")
    return symbol in INDICES or (bool(dot) and suffix in SUFFIXES)
