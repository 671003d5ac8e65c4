"""A corpus as the rooms see it: utterances, where they came from, and judgements that came with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from affidavit.utterances import Utterance

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """Utterances with their provenance."""

    name: str
    utterances: Sequence[Utterance]
    digest: str
    """Of the files it was read from, or of the options that made it."""
    licence: str
    label_space: tuple[str, ...] = ()
    recorded: pa.Table | None = None
    """Judgements that came with the corpus (crowd votes, a recogniser's output) in canonical column names."""
    assumptions: tuple[str, ...] = ()
    """What the loader had to assume; printed in the report."""
