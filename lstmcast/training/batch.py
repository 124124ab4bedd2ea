"""Sequences that the network reads at once, with what came true after them."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Sequences with their truth.

    `symbols` numbers each sequence's symbol in the order of the panel. `weight` is how much each
    loss counts, broadcast over (batch, time, horizon): zero where a session is burn-in, padding, or
    its outcome is not known. `total` is what the weights of all losses add up to.
    """

    features: Float[Tensor, "batch time features"]
    scale: Float[Tensor, "batch time"]
    targets: Float[Tensor, "batch time horizons"]
    weight: Float[Tensor, "#batch time horizons"]
    symbols: Int[Tensor, " batch"]
    total: Float[Tensor, ""]

    def __len__(self) -> int:
        return len(self.features)

    def whole(self) -> "Batch":
        """All of the sequences."""
        return self

    def part(self, rows: slice) -> "Batch":
        """Some of the sequences; `total` stays that of the whole."""
        return replace(
            self,
            features=self.features[rows],
            scale=self.scale[rows],
            targets=self.targets[rows],
            weight=self.weight if len(self.weight) < len(self) else self.weight[rows],
            symbols=self.symbols[rows],
        )

    def tensors(self) -> tuple[Tensor, ...]:
        """All of them, in the order of the fields."""
        return tuple(getattr(self, part.name) for part in fields(self))

    def fits(self, other: "Batch") -> bool:
        """Whether all tensors have the shapes of another batch's."""
        pairs = zip(self.tensors(), other.tensors(), strict=True)
        return all(own.shape == its.shape for own, its in pairs)

    def clone(self) -> "Batch":
        """The same in memory of its own."""
        return Batch(*(tensor.clone() for tensor in self.tensors()))

    def copy_(self, other: "Batch") -> None:
        """Take over what another batch that fits holds."""
        for own, its in zip(self.tensors(), other.tensors(), strict=True):
            own.copy_(its)


@dataclass(frozen=True)
class GatheredBatch:
    """A batch whose sequences are gathered from the panel when they are asked for.

    Validation of many symbols would otherwise keep a second copy of a part of the panel, padded.

    Args:
        gather: the batch of some of the sequences.
        sequences: how many there are.
        total: what the weights of all losses add up to.
    """

    gather: Callable[[slice], Batch]
    sequences: int
    total: Float[Tensor, ""]

    def __len__(self) -> int:
        return self.sequences

    def part(self, rows: slice) -> Batch:
        """Some of the sequences; `total` stays that of the whole."""
        return replace(self.gather(rows), total=self.total)

    def whole(self) -> Batch:
        """All of them at once."""
        return self.part(slice(None))
