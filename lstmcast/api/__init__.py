"""The Python API: what the command line does, for notebooks and programs.

    prices.py        load_prices, fetch, save_prices
    settings.py      an experiment from symbols, prices, files and keyword arguments
    names.py         what an experiment names, looked up
    fitting.py       fit
    run.py           Run, load
    forecasts.py     forecast, and the tables of Run.predict
    evaluation.py    scores beside the baselines
    charts.py        the figures of a run
    inside.py        gates and what inputs are worth, for charts and reports
    backtesting.py   backtest

Everything public is imported from `lstmcast` itself, which loads these modules when they are asked
for. Nothing here prints, ends the process or draws on a screen; what goes wrong is an error of
`lstmcast.errors`.
"""
