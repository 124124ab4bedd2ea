"""Price files of any exporter: what is in them is found out, said, and never guessed silently.

text.py, delimited.py, binary.py   from bytes to a table of cells (`table.py`)
fixed_width.py                     the one format without delimiters
layout.py, headerless.py           where the table begins, and what its columns are called
names.py                           the names of exporters: a new one is a line there
columns.py, choice.py              which column, and which symbol
date_forms.py, date_cells.py       the forms of dates, and cells read by one of them
dates.py, zones.py, numbers.py     decided for whole columns and files, never cell by cell
reading.py                         all of it together, for one symbol
formats.py                         the formats that are tested, for the documentation
"""

from lstmcast.prices.sources.files.options import ReadOptions
from lstmcast.prices.sources.files.source import FileSource, find_file

__all__ = ["FileSource", "ReadOptions", "find_file"]
