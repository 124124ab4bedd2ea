"""How long ago something was, in words."""

from datetime import UTC, datetime


def age(moment: str) -> str:
    """How long ago a moment was, in the largest unit that fits.

    Args:
        moment: ISO 8601, in UTC where it names no zone.
    """
    then = datetime.fromisoformat(moment)
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    seconds = (datetime.now(UTC) - then).total_seconds()
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit} ago"
    return "just now"
