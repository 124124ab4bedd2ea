"""Every error that a user can cause or meet, and the exit code that each branch ends with.

    LstmcastError
    ├── UsageError             2   a command called with options that do not go together
    ├── ConfigError            3   the experiment's YAML or a `--set` is wrong
    ├── DataError              4   prices that are malformed, too short, or lack a column
    ├── NoSuchDataError        5   the source answered: there is nothing to get
    │   ├── SymbolNotFoundError
    │   └── NoDataInRangeError
    ├── SourceError            6   the source could not be reached or understood
    │   ├── RateLimitedError
    │   ├── BlockedError
    │   ├── ServerTroubleError
    │   ├── NetworkTroubleError
    │   └── BadResponseError
    ├── StoreError             7   the local store: not fetched yet, damaged, or locked
    ├── RunError               8   a run directory that is missing, incomplete, or too new
    ├── TrainingError          9   training could not start or had to stop
    │   ├── DeviceError
    │   └── DivergedError
    ├── OutputError           10   a file or folder that cannot be written or used
    ├── AuditError            11   the audit found a leak, or no skill
    ├── ConditionError        12   a `--fail-unless` or `--fail-if` condition says so
    ├── PartialFailureError   13   some of several symbols failed
    ├── StaleError            14   `--fail-if-stale`, and the newest bar is old
    ├── ResourcesError        15   the system gives no more memory, threads or open files
    ├── HealthError           16   `doctor` found something broken
    ├── LedgerError           17   the ledger: none yet, locked, damaged, altered or another's
    └── ClusterError          18   `--cluster`: no Ray, no answer, other versions, or lost workers

1 is a bug in lstmcast itself, 130 is Ctrl-C, 143 SIGTERM and 129 SIGHUP. Library code raises these
and never exits; `lstmcast.cli` alone turns them into exit codes.
"""

from typing import ClassVar


class LstmcastError(Exception):
    """A failure that the user can do something about.

    Args:
        message: one line, no full stop: the parameter in backticks and the value that was found.
        hint: the next step, in one line; shown after `hint:`.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(LstmcastError):
    """Options that do not go together, or a value that a command cannot use."""

    exit_code = 2


class ConfigError(LstmcastError):
    """An experiment that does not validate; `problems` holds one line for each fault."""

    exit_code = 3

    def __init__(
        self, message: str, hint: str | None = None, problems: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, hint)
        self.problems = problems


class DataError(LstmcastError):
    """Prices that are malformed, too few, or lack a column that is needed."""

    exit_code = 4


class NoSuchDataError(LstmcastError):
    """The source answered, and has nothing for this request; asking again will not help."""

    exit_code = 5


class SymbolNotFoundError(NoSuchDataError):
    """The source does not know the symbol."""


class NoDataInRangeError(NoSuchDataError):
    """The source knows the symbol but has no bars in the dates asked for."""


class SourceError(LstmcastError):
    """The source could not be reached, refused, or sent something unreadable."""

    exit_code = 6


class RateLimitedError(SourceError):
    """The source is rate-limiting this address (HTTP 429)."""


class BlockedError(SourceError):
    """The source refuses this client or region (HTTP 401, 403, 451)."""


class ServerTroubleError(SourceError):
    """The source reports a server error (HTTP 5xx)."""


class NetworkTroubleError(SourceError):
    """No connection, a broken one, or no answer within the time budget.

    Args:
        message: as for every error.
        hint: as for every error.
        reached: whether any host of the source answered anything; if not, neither will it for the
            next symbol.
    """

    def __init__(self, message: str, hint: str | None = None, *, reached: bool = True) -> None:
        super().__init__(message, hint)
        self.reached = reached


class BadResponseError(SourceError):
    """An answer that cannot be read, or that is not what was asked for."""


class StoreError(LstmcastError):
    """The local price store: a symbol not fetched yet, a damaged file, a lock held too long."""

    exit_code = 7


class RunError(LstmcastError):
    """A run directory that is missing, incomplete, damaged, or of a newer schema."""

    exit_code = 8


class TrainingError(LstmcastError):
    """Training that could not start or had to stop."""

    exit_code = 9


class DeviceError(TrainingError):
    """A device that this machine or this build of PyTorch does not have."""


class DivergedError(TrainingError):
    """A loss that became infinite or not a number."""


class OutputError(LstmcastError):
    """A file or folder that cannot be written."""

    exit_code = 10


class AuditError(LstmcastError):
    """The audit found a leak, or a network that forecasts known volatility no better than EWMA."""

    exit_code = 11


class ConditionError(LstmcastError):
    """A condition: one of `--fail-unless` does not hold, or one of `--fail-if` does."""

    exit_code = 12


class PartialFailureError(LstmcastError):
    """Some of several symbols failed; the others are done."""

    exit_code = 13


class StaleError(LstmcastError):
    """The newest bar is old, and `--fail-if-stale` was given: days to forecast are past."""

    exit_code = 14


class ResourcesError(LstmcastError):
    """The system gives no more memory, threads or open files."""

    exit_code = 15


class HealthError(LstmcastError):
    """Something that commands need is broken, as `doctor` found."""

    exit_code = 16


class LedgerError(LstmcastError):
    """The record of issued forecasts: none yet, locked, damaged, altered, or of another program."""

    exit_code = 17


class ClusterError(LstmcastError):
    """A cluster that does not answer, has other versions or lost a task, or no Ray to reach it."""

    exit_code = 18
