"""The audit: it looks for forecasts that know something they should not.

It asks the code rather than reading it, on the user's own experiment and prices, so that feature
groups of one's own are audited as well:

    features      later bars, cut off or altered, change no feature of an earlier session
    forecasts     nor any earlier forecast
    predictions   those that the run keeps are what its networks say
    scaler        its statistics are those of training rows
    purge         no return is seen by two parts of the split
    training      the test range, altered, changes neither weights nor losses
    random walk   trained on a pure random walk, the model shows no skill
    shuffled      nor on one's own days in random order
    volatility    on a simulated GARCH, it finds the known volatility, better than EWMA does

"Later" is by the time of the close: to Tokyo, New York's bar of the same date is a later one.
"""

from lstmcast.evaluation.audit.report import AuditReport, audit
from lstmcast.evaluation.audit.result import Check

__all__ = ["AuditReport", "Check", "audit"]
