"""A corpus as the rooms see it: utterances, where they came from, and judgements that came with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from affidavit.errors import PlanError
from affidavit.utterances import Utterance

if TYPE_CHECKING:
    import pyarrow as pa

    from affidavit.rendering import Rendering

_NAMED: Final = 3


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
    measurements: pa.Table | None = None
    """What was measured of the utterances beyond their media, as `affidavit.measured_cues` lays it out; no reasoner is
    shown it."""
    rendering: Rendering | None = None
    """What shows the same turns in another voice, with another face or in other words, where the corpus makes its own
    media."""


def require_distinct(corpus: Corpus) -> None:
    """Refuse a corpus in which two utterances have one id.

    Raises:
        PlanError: naming the first of them.
    """
    counts = Counter(utterance.utterance_id for utterance in corpus.utterances)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise PlanError(
            "two utterances have the same id, so they could not be told apart",
            slug="row-duplicate",
            where=f"corpus {corpus.name}",
            found=", ".join(twice[:_NAMED]) + (f" and {len(twice) - _NAMED} more" if len(twice) > _NAMED else ""),
            allowed="each utterance_id once",
            remedy="name utterances within their dialogue or file, such as <dialogue>-<turn>",
        )
