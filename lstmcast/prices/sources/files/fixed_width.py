"""Tables without delimiters: the daily quotes that B3 publishes as COTAHIST."""

COTAHIST = "00COTAHIST"
CASH = "010"
"""The market of shares; others are options and forwards on them."""


def widen(text: str) -> str:
    """Return the quotes of B3's file as text with delimiters; any other text as it is.

    Source: B3, layout of historical quotes (positions of TPMERC, CODNEG, PREABE, ...); prices have
    two decimals and no mark.
    """
    if not text.startswith(COTAHIST):
        return text
    rows = ["date;symbol;open;high;low;close;volume"]
    for line in text.split("\n"):
        if line[:2] != "01" or line[24:27] != CASH:
            continue
        prices = (line[56:69], line[69:82], line[82:95], line[108:121])
        cells = (line[2:10], line[12:24].strip(), *map(_price, prices), line[152:170].lstrip("0"))
        rows.append(";".join(cells))
    return "\n".join(rows)


def _price(digits: str) -> str:
    return f"{digits[:-2].lstrip('0') or '0'}.{digits[-2:]}"
