"""Group `price`: the adjusted close itself, as the classic recipe feeds it to its network."""

import pandas as pd

from lstmcast.features.bars import Bars


def price(bars: Bars) -> pd.DataFrame:
    """The adjusted close in the listing's currency; column `close`.

    Not scale-free: it needs a scaler fitted on training rows, and a price beyond the training
    range lies outside what the network has seen. That is the recipe's weakness, kept as it is.
    """
    return bars.adjusted[["close"]]
