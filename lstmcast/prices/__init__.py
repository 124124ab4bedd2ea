"""Prices: what a price history is, where it comes from and where it is kept.

Bars go one way: a source fetches them, `PriceHistory.from_frame` checks and normalises them, and
`PriceStore` keeps the result.
"""
