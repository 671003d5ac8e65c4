"""The vectors of all sources of one run, reduced once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from privacy.probes.sources import RAW, SOURCES, Lost, Source, reduced, side_by_side

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vectors:
    """Sources by name, with their principal components."""

    sources: Mapping[str, Source]
    components: Mapping[str, FloatArray]
    lost: tuple[Lost, ...] = ()

    @property
    def main(self) -> tuple[str, ...]:
        """Sources that are no raw input and in which something differs."""
        return tuple(name for name in SOURCES if name in self.sources and self.components[name].shape[1])

    @property
    def flat(self) -> tuple[str, ...]:
        """Sources and raw inputs in which nothing differs."""
        names = (*SOURCES, *RAW[1:])
        return tuple(name for name in names if name in self.sources and not self.components[name].shape[1])

    def place(self, source: str) -> IntArray:
        """Return which of the roster's utterances a source has."""
        return self.sources[source].place

    def differs(self, source: str) -> bool:
        """Say whether there is such a source, and something in it differs."""
        return source in self.sources and self.components[source].shape[1] > 0

    def covers(self, source: str, place: IntArray) -> bool:
        """Say whether a source has all these utterances."""
        return bool(np.isin(place, self.place(source)).all())

    def shared(self, first: str, second: str) -> IntArray:
        """Return which of the roster's utterances two sources have."""
        return np.intersect1d(self.place(first), self.place(second))

    def at(self, source: str, place: IntArray) -> FloatArray:
        """Return the components [n, R] of some of its utterances."""
        return np.asarray(self.components[source][np.searchsorted(self.sources[source].place, place)])

    def caveats(self, source: str) -> tuple[str, ...]:
        """Return what is to be said of a source."""
        return self.sources[source].caveats


def vectors_of(found: Sequence[Source | Lost], *, components: int) -> Vectors:
    """Reduce sources; `raw`, where nobody brought it, is all raw inputs side by side."""
    sources = [source for source in found if isinstance(source, Source)]
    lost = tuple(source for source in found if isinstance(source, Lost))
    named = {source.name: source for source in sources}
    parts = tuple(named[name] for name in RAW[1:] if name in named)
    if "raw" not in named and parts:
        named["raw"] = parts[0] if len(parts) == 1 else side_by_side("raw", parts, components=components)
    return Vectors(
        sources=named,
        components={name: reduced(source, components=components) for name, source in named.items()},
        lost=lost,
    )
