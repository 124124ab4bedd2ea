"""A few learned numbers for each symbol, which the encoder reads beside the features.

They let the units treat symbols differently (Guo and Berkhahn 2016, "Entity Embeddings of
Categorical Variables"; for series, Salinas et al. 2020, "DeepAR"), where offsets at the head only
shift what is forecast. They begin at zero, so a network begins as one without them. A symbol that
was not in training has zeros for good; so that the encoder knows what to make of those, a tenth of
the training sequences are read as of an unknown symbol.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

UNKNOWN = 0.1
"""Share of the training sequences that are read without their symbol."""


class SymbolEmbedding(nn.Module):
    """Learned numbers of each symbol.

    Args:
        symbols: how many are known, numbered from 0; every further number is an unknown one.
        size: numbers a symbol.
    """

    def __init__(self, symbols: int, size: int) -> None:
        super().__init__()
        self.symbols = symbols
        self.size = size
        self.weight = nn.Parameter(torch.zeros(symbols, size))

    def forward(
        self,
        x: Float[Tensor, "batch time features"],
        symbols: Int[Tensor, " batch"] | None = None,
        generator: torch.Generator | None = None,
    ) -> Float[Tensor, "batch time inputs"]:
        """The sequences with their symbols' numbers behind the features of each step.

        Args:
            x: the features.
            symbols: number of each sequence's symbol; None is an unknown one.
            generator: where it comes from, while training, which sequences are read without theirs;
                None is PyTorch's global one.
        """
        if symbols is None:
            symbols = torch.full((x.shape[0],), self.symbols, device=x.device)
        known = (symbols < self.symbols).to(x.dtype)
        if self.training:
            known = known * torch.empty_like(known).bernoulli_(1 - UNKNOWN, generator=generator)
        numbers = self.weight[symbols.clamp(max=self.symbols - 1)] * known.unsqueeze(-1)
        return torch.cat([x, numbers.unsqueeze(1).expand(-1, x.shape[1], -1)], dim=-1)

    def extra_repr(self) -> str:
        """What `print` shows of the embedding."""
        return f"{self.symbols}, {self.size}"
