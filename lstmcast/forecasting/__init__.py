"""Forecasts of the sessions to come: by a run or by the pretrained networks, from stored bars."""

from lstmcast.forecasting.ahead import SymbolForecast, forecast_ahead

__all__ = ["SymbolForecast", "forecast_ahead"]
