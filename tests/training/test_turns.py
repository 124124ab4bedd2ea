"""Trainings in turn: who is asked when, what comes of them, and what one that fails leaves."""

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
