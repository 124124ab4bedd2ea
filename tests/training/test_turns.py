"""Trainings in turn: who is asked when, what comes of them, and what one that fails leaves."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import torch

from lstmcast.training.turns import Turns, in_turn, to_the_end

CPU = torch.device("cpu")


class Tale:
    """Trainings that tell of their turns."""

    def __init__(self) -> None:
        self.turns: list[str] = []
        self.closed: list[str] = []

    def training(self, name: str, length: int) -> Turns[str]:
        """It takes `length` turns, and one more to end."""
        try:
            for _ in range(length):
                self.turns.append(name)
                yield
        finally:
            self.closed.append(name)
        return name.upper()


def test_turns_go_round_and_results_keep_their_order() -> None:
    tale = Tale()
    trainings = [tale.training(name, length) for name, length in (("a", 3), ("b", 1), ("c", 2))]
    assert in_turn(trainings, 2, CPU) == ["A", "B", "C"]
    assert "".join(tale.turns) == "abaacc"
    assert tale.closed == ["b", "a", "c"]


def test_one_at_a_time_is_one_after_the_other() -> None:
    tale = Tale()
    assert in_turn([tale.training("a", 2), tale.training("b", 2)], 1, CPU) == ["A", "B"]
    assert "".join(tale.turns) == "aabb"
    assert to_the_end(tale.training("c", 0)) == "C"


def test_a_training_that_fails_ends_the_others() -> None:
    tale = Tale()

    def fails() -> Turns[str]:
        yield
        raise ValueError("no memory")

    with pytest.raises(ValueError, match="no memory"):
        in_turn([tale.training("a", 9), fails(), tale.training("b", 9)], 3, CPU)
    assert sorted(tale.closed) == ["a", "b"]
    assert tale.turns == ["a", "b", "a"]


def test_each_has_a_stream_of_its_own_that_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """With stand-ins: tests marked `gpu` have a device."""
    told: list[str] = []
    current = ["default"]

    def stream(_: torch.device) -> SimpleNamespace:
        name = f"stream {len(made)}"
        made.append(
            SimpleNamespace(
                name=name,
                wait_stream=lambda other: told.append(f"{name} waits for {other.name}"),
            )
        )
        return made[-1]

    @contextmanager
    def on(taken: SimpleNamespace) -> Iterator[None]:
        current.append(taken.name)
        yield
        current.pop()

    def now(_: torch.device) -> SimpleNamespace:
        name = current[-1]
        return SimpleNamespace(name=name, synchronize=lambda: told.append(f"{name} is done"))

    def training(turns: int) -> Turns[int]:
        for _ in range(turns):
            told.append(f"step on {current[-1]}")
            yield
        return turns

    made: list[SimpleNamespace] = []
    monkeypatch.setattr(
        torch, "cuda", SimpleNamespace(Stream=stream, stream=on, current_stream=now)
    )
    assert in_turn([training(2), training(1)], 2, torch.device("cuda", 0)) == [2, 1]
    assert told == [
        *("stream 0 waits for default", "stream 1 waits for default"),
        *("step on stream 0", "step on stream 1"),
        *("step on stream 0", "stream 1 is done"),
        "stream 0 is done",
    ]
