"""Recording what `lstmcast forecast` issues."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lstmcast.errors import LstmcastError

if TYPE_CHECKING:
    from lstmcast.forecasting.issued import IssuedForecast
    from lstmcast.prices.store import PriceStore


def record_issued(
    path: Path, forecasts: "Sequence[IssuedForecast]", store: "PriceStore", *, replayed: bool
) -> LstmcastError | None:
    """Append forecasts to the ledger before they are shown.

    A ledger that cannot be written keeps nobody from a forecast. But whoever relies on the record
    must hear of a gap in it, so the command ends with this error once everything is printed.

    Returns:
        What went wrong, or None.
    """
    from lstmcast.ledger import record

    try:
        record(path, forecasts, store, replayed=replayed, issued_at=_now())
    except LstmcastError as error:
        return type(error)(f"the forecasts were not recorded: {error.message}", error.hint)
    return None


def _now() -> datetime:
    return datetime.now(UTC)
