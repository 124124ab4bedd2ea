"""The forms in which exporters write a date, and whether a cell can be one.

A form is a pattern of the whole cell, which says where year, month and day stand, with an optional
time of day and zone behind them. `date_cells` reads cells by a form; `dates` chooses the form.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property

import numpy as np

MONTHS = {
    1: "jan january januar janv janvier ene enero janeiro gen gennaio januari oca ocak sty"
    " stycznia styczen янв января январь januar januari tammi январ"
    " ιαν ιανουαρίου led ledna ian ianuarie január",
    2: "feb february februar févr févr fév février fevrier febrero fev fevereiro febbraio"
    " februari şub şubat lut lutego luty фев февраля февраль helmi"
    " φεβ φεβρουαρίου úno února februarie február febr",
    3: "mar march mär märz mrz mars marzo março marco maart mrt mart mars marca marzec мар"
    " марта март maalis maret"
    " μαρ μάρ μαρτίου bře března martie márc március",
    4: "apr april avr avril abr abril aprile nis nisan kwi kwietnia kwiecień апр апреля"
    " апрель huhti"
    " απρ απριλίου dub dubna aprilie ápr április",
    5: "may mai mayo maio mag maggio mei may mayıs maj maja май мая touko"
    " μαΐ μάι μαΐου kvě května máj május",
    6: "jun june juni juin junio junho giu giugno haz haziran cze czerwca czerwiec июн июня"
    " июнь kesä"
    " ιουν ιούν ιουνίου čvn června iun iunie jún június",
    7: "jul july juli juil juillet julio julho lug luglio tem temmuz lip lipca lipiec июл"
    " июля июль heinä"
    " ιουλ ιούλ ιουλίου čvc července iul iulie júl július",
    8: "aug august août aout agosto ago augustus ağu ağustos sie sierpnia sierpień авг"
    " августа август elo agustus agu agt"
    " αυγ αύγ αυγούστου srp srpna augusztus",
    9: "sep sept september septembre septiembre set setembro settembre eyl eylül wrz"
    " września wrzesień сен сент сентября сентябрь syys"
    " σεπ σεπτ σεπτεμβρίου zář září septembrie szept szeptember",
    10: "oct october okt oktober octobre octubre out outubro ott ottobre eki ekim paź"
    " października październik окт октября октябрь loka"
    " οκτ οκτωβρίου říj října octombrie október",
    11: "nov november novembre noviembre novembro kas kasım lis listopada listopad ноя нояб"
    " ноября ноябрь marras nopember"
    " νοε νοεμβρίου listopadu noi noiembrie",
    12: "dec december dez dezember déc décembre decembre dic diciembre dezembro dicembre ara"
    " aralık gru grudnia grudzień дек декабря декабрь joulu des desember"
    " δεκ δεκεμβρίου pro prosince decembrie",
}
"""Months by every name and abbreviation, without the full stop of one."""
MONTH_OF = {
    name.casefold().replace("ı", "i"): str(number)
    for number, names in MONTHS.items()
    for name in names.split()
}

EARLIEST, LATEST = 1900, 2100
"""Years that a date may name."""


def century(years: np.ndarray, today: date | None = None) -> np.ndarray:
    """Return the full years of years with two digits, of which none is later than the next one."""
    newest = (today or datetime.now(UTC).date()).year + 1
    return np.asarray(np.where(2000 + years > newest, 1900, 2000) + years)


_TIME = (
    r"(?:(?:[T ]|, ?|,? at |  +)"
    r"(?P<time>\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,9})?(?: ?[AaPp]\.?[Mm]\.?)?)"
    r" ?(?P<zone>Z|(?:UTC|GMT)(?:[+-]\d{2}:?\d{2})?|[+-]\d{2}:?\d{2}(?::?\d{2})?|[+-]\d{2}"
    r"| ?(?:EST|EDT|CET|CEST|BST|JST|KST|IST))?(?: ?\([^)]*\)|\[[^\]]*\])?)?"
)
_NAMED_DAY = r"(?: ?\(\p{L}{1,9}\)| (?:\p{L}{3,9}|[月火水木金土日월화수목금토일])\.?)?"
"""The day of the week behind a date, which says nothing more."""
_WEEKDAY = r"(?:\p{L}+[.,]?,? +)?"
_WORD = r"(?P<word>\p{L}+)\.?"


@dataclass(frozen=True)
class Form:
    """One way to write a date: its name (as `--date-format` takes it), and what matches a cell."""

    name: str
    pattern: str
    year: str = "y"
    """`y` of four digits, `yy` of two, `roc` counted from 1912."""

    @property
    def regex(self) -> str:
        """The pattern of the whole cell, as Arrow takes it."""
        return f"^{self.pattern}{_TIME}$"

    @cached_property
    def _python(self) -> re.Pattern[str]:
        return re.compile(self.regex.replace(r"\p{L}", r"[^\W\d_]"))

    def may_fit(self, cell: str) -> bool:
        """Whether one cell has the form: asked first, since Arrow takes long to read a pattern."""
        return self._python.match(cell) is not None


def _form(name: str, pattern: str, year: str = "y") -> Form:
    return Form(name, pattern, year)


_Y, _M, _D, _YY = r"(?P<y>\d{4})", r"(?P<m>\d{1,2})", r"(?P<d>\d{1,2})", r"(?P<y>\d{2})"

FORMS = (
    _form("%Y-%m-%d", f"{_Y}- ?{_M}- ?{_D}{_NAMED_DAY}"),
    _form("%Y/%m/%d", f"{_Y}/{_M}/{_D}{_NAMED_DAY}"),
    _form("%Y.%m.%d", rf"{_Y}\. ?{_M}\. ?{_D}\.?"),
    _form("%Y年%m月%d日", f"{_Y}年 ?{_M}月 ?{_D}日{_NAMED_DAY}"),
    _form("%Y년 %m월 %d일", f"{_Y}년 ?{_M}월 ?{_D}일{_NAMED_DAY}"),
    _form("%Y%m%d", r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})(?:\.0)?"),
    _form("%Y%m%d%H%M%S", r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})[ T;]?(?P<clock>\d{4}(?:\d{2})?)"),
    _form("%d%m%Y", r"(?P<d>\d{2})(?P<m>\d{2})(?P<y>\d{4})"),
    _form("%m%d%Y", r"(?P<m>\d{2})(?P<d>\d{2})(?P<y>\d{4})"),
    _form("%m/%d/%Y", f"{_WEEKDAY}{_M}/{_D}/{_Y}{_NAMED_DAY}"),
    _form("%d/%m/%Y", f"{_WEEKDAY}{_D}/{_M}/{_Y}{_NAMED_DAY}"),
    _form("%m-%d-%Y", f"{_M}-{_D}-{_Y}"),
    _form("%d-%m-%Y", f"{_D}-{_M}-{_Y}"),
    _form("%d.%m.%Y", rf"{_WEEKDAY}{_D}\. ?{_M}\. ?{_Y}\.?{_NAMED_DAY}"),
    _form("%m.%d.%Y", rf"{_M}\.{_D}\.{_Y}"),
    _form("%m/%d/%y", f"{_M}/{_D}/{_YY}", "yy"),
    _form("%d/%m/%y", f"{_D}/{_M}/{_YY}", "yy"),
    _form("%y/%m/%d", f"{_YY}/{_M}/{_D}", "yy"),
    _form("%m-%d-%y", f"{_M}-{_D}-{_YY}", "yy"),
    _form("%d-%m-%y", f"{_D}-{_M}-{_YY}", "yy"),
    _form("%y-%m-%d", f"{_YY}-{_M}-{_D}", "yy"),
    _form("%d.%m.%y", rf"{_D}\.{_M}\.{_YY}", "yy"),
    _form("%y.%m.%d", rf"{_YY}\.{_M}\.{_D}", "yy"),
    _form("%y%m%d", r"(?P<y>\d{2})(?P<m>\d{2})(?P<d>\d{2})", "yy"),
    _form("%d%m%y", r"(?P<d>\d{2})(?P<m>\d{2})(?P<y>\d{2})", "yy"),
    _form("ROC/%m/%d", r"(?P<y>\d{3})[/.-](?P<m>\d{1,2})[/.-](?P<d>\d{1,2})", "roc"),
    _form(
        "%d %b %Y",
        rf"{_WEEKDAY}{_D}(?:st|nd|rd|th|\.|er)?[ /-]?(?:de )?{_WORD}[ .,/-]{{1,2}}(?:de )?{_Y}",
    ),
    _form("%b %d, %Y", rf"{_WEEKDAY}{_WORD}[ -]{_D}(?:st|nd|rd|th)?,?[ -]{{1,2}}{_Y}"),
    _form("%Y-%b-%d", rf"{_Y}\.?[ /-]{_WORD}[ /-]{_D}\.?"),
    _form("%d%b%Y", r"(?P<d>\d{1,2})(?P<word>\p{L}{3})(?P<y>\d{4})(?::\d{2}:\d{2}:\d{2})?"),
    _form("%d%b%y", r"(?P<d>\d{1,2})(?P<word>\p{L}{3})(?P<y>\d{2})", "yy"),
    _form(
        "%a %b %d %H:%M:%S %Y",
        rf"\p{{L}}{{3}} {_WORD} {{1,2}}{_D} \d{{2}}:\d{{2}}:\d{{2}} {_Y}",
    ),
    _form("%d-%b-%y", rf"{_WEEKDAY}{_D}[ /-]{_WORD}[ /,-]{{1,2}}'?{_YY}", "yy"),
    _form("%b %d, %y", rf"{_WORD} {_D},? '?{_YY}", "yy"),
)  # fmt: skip

LOOKS_LIKE = re.compile(
    r"([^\W\d]{1,10}[.,]{0,2} )?\d{1,4}[-/.年년]\s?\d{1,2}[-/.月월]\s?\d{1,4}"
    r"|\d{8}$|\d{10}(\d{3}){0,3}(\.0)?$"
    r"|\d{1,2}(st|nd|rd|th|\.|er)?[ \-/]?(de )?[^\W\d]{3,12}\.?[ \-,/]{1,2}(de )?'?\d{2,4}"
    r"|([^\W\d]+,? )?[^\W\d]{3,10}\.?[ -]\d{1,2}(st|nd|rd|th)?,?[ -]{1,2}\d{4}"
    r"|\d{4}[ /-][^\W\d]{3}[ /-]\d{1,2}|\d{4}-?W\d{2}-?\d$"
)
"""What a cell begins with that can be a date, to find where the rows of a file begin."""
_AFTER_DATE = re.compile(
    r"[T ,]*[\d:.,+\-/ZAPMapmUTCGSEDJKBI ()]*$|日?,? ?(\([^\W\d]{1,9}\)|[^\W\d]{1,9}\.?)$"
)


def looks_like_date(cell: str) -> bool:
    """Whether a cell can be a date, perhaps with a time of day."""
    match = LOOKS_LIKE.match(cell)
    return match is not None and _AFTER_DATE.match(cell[match.end() :]) is not None
