"""Forecast how far a stock may move, with a custom LSTM and an honest verdict."""

__version__ = "0.1.0"
