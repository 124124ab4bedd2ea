"""What holds for every command: which values no option takes, and what the system may refuse."""

import errno
import math
from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperGroup

from lstmcast.cli.console import be_quiet
from lstmcast.cli.processes import refuse_processes
from lstmcast.cli.system_limits import no_threads, require_addresses, require_thread
from lstmcast.errors import LstmcastError, OutputError, ResourcesError, UsageError

LARGEST = 10**9
"""Nothing that is counted here comes in larger numbers."""

_NO_ROOM = {errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN}

_STARVED = _NO_ROOM - {errno.EAGAIN}
"""Those that mean the same wherever they come from: a lock that is held says EAGAIN as well."""

_NO_MEMORY = (
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "out of memory",
    "bad_alloc",  # C++
    "could not create a primitive",  # oneDNN
    "failed to map segment",
    "can't start new thread",
    "resource temporarily unavailable",
)
"""Parts of what loaders, threads and PyTorch say, in small letters, where they get no memory."""

_CUT_OFF = ("marshal data too short", "eof read where object expected")
"""What Python says of a compiled module that a full disk cut off; it keeps such a file."""


_QUIET = "--quiet"


class Group(TyperGroup):
    """A group of commands with the help of a `Command`."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help."""
        _mend_help(self, ctx)
        super().format_help(ctx, formatter)


class Command(TyperCommand):
    """A command that takes no empty path and no number that is not finite; and `--quiet`.

    That option stands before the command, where help tells of it; here it is taken as well.
    """

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help."""
        _mend_help(self, ctx)
        super().format_help(ctx, formatter)

    def make_parser(self, ctx: Any) -> Any:
        """The parser of the command's options, and of one that all share."""
        parser = super().make_parser(ctx)
        # The first argument only says in which order values were given.
        words: Any = self
        parser.add_option(words, ["-q", _QUIET], dest=_QUIET, action="store_const", const=True)
        return parser

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line.

        Raises:
            UsageError: for such a value.
        """
        given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        if given.pop(_QUIET, False):
            be_quiet(wanted=True)
        params: Any = self.params
        for param in params:  # who opens a path says what cannot be done with it, and why
            param.type_descriptor.parameter_info.readable = False
        rest = super().parse_args(ctx, args)
        if ctx.resilient_parsing:  # for a shell that wants to complete it
            return rest
        for param in self.params:
            value = ctx.params.get(param.name)
            if _is_empty_path(value, given.get(str(param.name))):
                raise UsageError(f"`{_called(param)}` is empty", "give a path, or leave it out")
            if isinstance(value, float) and not math.isfinite(value):
                raise UsageError(f"`{_called(param)}` is {value}", "give a finite number")
            if isinstance(value, int) and value > LARGEST:
                raise UsageError(f"`{_called(param)}` is over {LARGEST:,}", "give a smaller number")
        return rest

    def invoke(self, ctx: Any) -> Any:
        """Invoke the command, if it has room, and is one for as many processes as there are."""
        command = ctx.find_root().invoked_subcommand or str(self.name)
        require_addresses(command)
        require_thread(command)
        refuse_processes(str(self.name))
        return super().invoke(ctx)


def _mend_help(command: Any, ctx: Any) -> None:
    """Fill paragraphs anew, and name what options take by a word (N, PATH).

    Typer keeps the line breaks of docstrings and prints Python's types.
    """
    paragraphs = (command.help or "").split("\n\n")
    command.help = "\n\n".join(" ".join(part.split()) for part in paragraphs)
    for param in command.get_params(ctx):
        if param.param_type_name == "argument":
            param.display_type = lambda _: ""
            param.metavar = param.metavar or str(param.name).upper()
        elif param.metavar is None:
            param.metavar = _word_for(param, ctx)


def _word_for(option: Any, ctx: Any) -> str:
    kind = option.type_descriptor
    if option.is_flag:
        return ""
    if kind.is_choice:
        return str(option.display_type(ctx)).strip("<>")
    if kind.is_path:
        return "PATH"
    return {"<int>": "N", "<int range>": "N", "<float>": "X", "<float range>": "X"}.get(
        option.display_type(ctx), "TEXT"
    )


def _is_empty_path(value: object, typed: object) -> bool:
    """Whether a path, or one of several, was typed as nothing, which is no folder."""
    if isinstance(value, (list, tuple)) and isinstance(typed, (list, tuple)):
        return any(map(_is_empty_path, value, typed))
    return isinstance(value, Path) and typed == ""


def _called(param: Any) -> str:
    """An option or argument as the user knows it."""
    if param.param_type_name == "option":
        return str(max(param.opts, key=len))
    return str(param.metavar or param.human_readable_name)


def of_the_system(error: Exception) -> LstmcastError | None:
    """What the system refused, as an error of this program; None for what must be a bug.

    Paths that it refuses are mostly told where they are used; this is for those that are not, such
    as a folder in the path that may not be read.
    """
    if (told := starved(error) or _of_the_machine(error, str(error).lower())) is not None:
        return told
    if not isinstance(error, OSError) or error.errno is None:
        return None
    if error.errno in _NO_ROOM:
        return _no_more(error)
    if error.filename is None:
        return None
    return OutputError(
        f"`{error.filename}` cannot be used: {error.strerror}",
        "choose another path, or one that you may read and write",
    )


def starved(error: BaseException) -> ResourcesError | None:
    """The lack of memory or open files that an error comes of; None where it does not.

    A file that cannot be opened for want of room is not damaged, whatever its reader makes of it.
    """
    cause: BaseException | None = error
    seen: set[int] = set()  # an error may lead back to itself
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, OSError) and cause.errno in _STARVED:
            return _no_more(cause)
        if (said := _no_memory(cause)) is not None:
            if "thread" in said:
                return no_threads(said)
            return ResourcesError(
                "the system gives no more memory" + (f": {said}" if said else ""),
                "end other programs or raise the limit (`ulimit -v`); a smaller `model` or fewer "
                "`training.threads` need less",
            )
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return None


def _no_memory(error: BaseException) -> str | None:
    """The line in which an error says that there is no memory; None if it does not."""
    lines = [line.strip() for line in str(error).splitlines()]
    saying = [line for line in lines if any(part in line.lower() for part in _NO_MEMORY)]
    if saying and not isinstance(error, LstmcastError):
        return saying[-1]
    return (lines or [""])[0] if isinstance(error, MemoryError) else None


def _no_more(error: OSError) -> ResourcesError:
    return ResourcesError(
        f"the system gives no more: {error.strerror or error}", "raise the limit, as by `ulimit -n`"
    )


def _of_the_machine(error: Exception, words: str) -> LstmcastError | None:
    """A clock or compiled modules that Python cannot use."""
    if isinstance(error, OverflowError) and "timestamp" in words:
        return ResourcesError(
            "this machine's clock shows a year that Python cannot tell (after 2262)",
            "set the clock",
        )
    if isinstance(error, EOFError) and any(part in words for part in _CUT_OFF):
        return OutputError(
            f"a compiled module is cut off, as a full disk leaves it: {error}",
            "delete the `__pycache__` folders of this Python's packages, or install them again",
        )
    return None
