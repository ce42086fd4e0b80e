"""What flows through a trace: tensors, and the regions of ops that are repeated on them."""

from __future__ import annotations

from dataclasses import dataclass

from dse.networks.terms import Count, Term


@dataclass(eq=False, slots=True)
class Tensor:
    """Elements of one sample: `features` (channels) at each of `positions` (pixels or tokens).

    `side` is the side of a square feature map, None for a sequence; of one that is not square it is the height, and
    `across` the width. A video has as many maps as `frames`. A view (flattened, or a selection of positions) shares
    the buffer of the tensor that it is a `view_of`.
    """

    features: Count
    positions: Count
    side: Count = None
    view_of: Tensor | None = None
    across: Count = None
    frames: Count = 1

    @property
    def elements(self) -> Count:
        """Features times positions."""
        return self.features * self.positions

    @property
    def term(self) -> Term:
        """The elements as a product that is not carried out."""
        return self.features, self.positions

    def reshaped(self, features: Count) -> Tensor:
        """Another tensor of as many positions."""
        return Tensor(features, self.positions, self.side, None, self.across, self.frames)

    @property
    def buffer(self) -> Tensor:
        """The tensor whose memory this one uses: itself, or that of which it is a view."""
        return self if self.view_of is None else self.view_of

    @property
    def view(self) -> Tensor:
        """All of it in the same memory, as another tensor."""
        return Tensor(self.features, self.positions, self.side, self.buffer, self.across, self.frames)


@dataclass(eq=False, slots=True)
class Region:
    """The ops `start` to `stop` (exclusive), executed `count` times, each time on the result of the time before.

    `entering` goes in, `inner` stands for the input of one execution and `returned` is its result; `leaving` is what
    comes out in the end. With `shared` all executions have the same weights, and where the result has another shape
    each has an input of its own; else the weights differ.
    """

    start: int
    stop: int
    count: Count
    entering: Tensor
    inner: Tensor
    returned: Tensor
    leaving: Tensor
    shared: bool = False

    @property
    def outer(self) -> Tensor:
        """The buffer of what goes in."""
        return self.entering.buffer

    @property
    def result(self) -> Tensor:
        """The buffer of what comes out."""
        return self.returned.buffer
