"""Text from elsewhere made harmless, for terminals, charts and pages.

A file name, a key of a configuration, an answer of a source may hold characters that do something
where they are shown: an escape sequence renames a window or hides what was printed, a carriage
return writes over it, a right-to-left mark turns it round. They are shown as what they are.
"""

import unicodedata

_KINDS = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Control, format (marks of direction among them), lone surrogates, separators of lines."""

_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
"""Format characters that some languages are spelled with, and which do nothing but join."""


def harmless(text: object, *, lines: bool = False, most: int | None = None) -> str:
    r"""What is shown of a text from elsewhere: `\x1b` in the place of the escape character.

    Args:
        text: anything that can be shown.
        lines: leave line breaks as they are, for text of which each line was made by the program.
        most: characters that are shown of a longer one, and how many there are.
    """
    shown = str(text)
    if most is not None and len(shown) > most:
        shown = f"{shown[:most]}... ({len(shown):,} characters)"
    if shown.isascii() and shown.isprintable():
        return shown
    keep = "\n" + _JOINERS if lines else _JOINERS
    return "".join(
        one
        if one in keep or unicodedata.category(one) not in _KINDS
        else one.encode("unicode_escape", "surrogatepass").decode("ascii")
        for one in shown
    )
