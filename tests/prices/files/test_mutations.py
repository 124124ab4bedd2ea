"""Damaged files end in a history or in an error of lstmcast's own; the script tries many more."""

from pathlib import Path

import mutate_files
import pytest


@pytest.mark.parametrize("seed", range(2))
def test_no_damaged_file_ends_in_a_traceback(seed: int, tmp_path: Path) -> None:
    ends = set()
    for name, content in mutate_files.cases(25, seed):
        path = tmp_path / name
        path.write_bytes(content)
        ends.add(mutate_files.outcome(path))
    assert len(ends) > 1, ends
