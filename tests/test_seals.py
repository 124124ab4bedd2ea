"""Seals: each altered byte of a file is found, whoever wrote it."""

import json
from pathlib import Path

import pytest
import torch

from lstmcast.seals import BLANK, BrokenSealError, check_seal, parse_sealed, sealed, sealed_values
from lstmcast.tensors import dump_tensors, load_tensors

VALUES = {"loss": 0.25, "names": ["a", "b"], "none": None}


def test_a_sealed_object_is_read_whatever_its_layout_and_not_when_a_value_is_another() -> None:
    values = sealed_values(VALUES)
    assert sealed_values(values) == values
    for text in (json.dumps(values), json.dumps(values, indent=2, sort_keys=True)):
        assert parse_sealed(text) == VALUES
    for altered in ({**values, "loss": 0.5}, {**values, "new": 1}, {**values, "sha256": BLANK}):
        with pytest.raises(BrokenSealError, match="not what was written"):
            parse_sealed(json.dumps(altered))


def test_what_has_no_seal_is_of_before_and_may_be_refused() -> None:
    assert parse_sealed(json.dumps(VALUES)) == VALUES
    with pytest.raises(BrokenSealError, match="not what was written"):
        parse_sealed(json.dumps(VALUES), must=True)
    with pytest.raises(ValueError, match="no object"):
        parse_sealed("[1]")
    check_seal(b"a file of before")
    with pytest.raises(ValueError, match="no place for a seal"):
        sealed(b"nowhere")


def test_a_seal_is_found_after_what_only_begins_like_one() -> None:
    head = b'"sha256 {"sha256": "soon", "sha256" '
    for place in (b'"sha256":"%s"', b'"sha256": "%s"', rb"\"sha256\": \"%s\""):
        content = head + place % BLANK.encode() + b' and "sha256'
        found = sealed(content)
        assert found.startswith(head)
        assert len(found) == len(content)
        check_seal(found)
        for altered in (found.replace(b"soon", b"late"), found.replace(b" and ", b" but ")):
            with pytest.raises(BrokenSealError, match="not what was written"):
                check_seal(altered)


def test_a_flipped_bit_of_a_file_of_tensors_is_found_or_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "kept.safetensors"
    content = dump_tensors({"w": torch.arange(3.0)}, "key", VALUES)
    assert content == dump_tensors({"w": torch.arange(3.0)}, "key", VALUES)
    for bit in range(0, 8 * len(content), 11):
        altered = bytearray(content)
        altered[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(altered))
        try:
            values, tensors = load_tensors(path, "key")
        except ValueError:
            continue
        assert {name: values.get(name) for name in VALUES} == VALUES  # the seal's own name aside
        assert tensors["w"].tolist() == [0.0, 1.0, 2.0]


def test_values_that_are_none_or_too_deep_are_no_file_of_tensors(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "kept.safetensors"
    for text in ("[1]", "[" * 100_000, "{"):
        save_file({"w": torch.zeros(1)}, path, {"key": text})
        with pytest.raises(ValueError, match=r"metadata|nested|Expecting"):
            load_tensors(path, "key")
