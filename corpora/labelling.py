"""Reads the label of an utterance: the corpus's own words, renamed where a plan says so, and refused where unknown.

A label that the corpus does not have is never guessed. It is an error that names its row, or, where the plan says
`unknown_labels: drop`, an utterance that is left out and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from affidavit.errors import PlanError, RowError
from affidavit.yaml_files import did_you_mean

UnknownLabels = Literal["refuse", "drop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelling:
    """The labels of a corpus, and what a plan calls them."""

    known: tuple[str, ...]
    """The corpus's labels, in its order."""
    spellings: Mapping[str, str] = field(default_factory=dict)
    """Codes and other spellings, in lower case, to labels."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """The plan's `labels`: a label or a spelling of the corpus to the name that it gets; two may get the same."""
    unknown: UnknownLabels = "refuse"

    @property
    def label_space(self) -> tuple[str, ...]:
        """Every label there may be, in the corpus's order, then names that the plan gave to unknown spellings."""
        own = tuple(self.renamed.get(label, label) for label in self.known)
        return tuple(dict.fromkeys((*own, *self.renamed.values())))

    def read(self, given: str | None, *, where: str) -> str | None:
        """Return the label that `given` stands for, or None for an utterance to be left out.

        Raises:
            RowError: the label is missing or unknown, and the plan does not say `unknown_labels: drop`.
        """
        word = (given or "").strip()
        label = self.spellings.get(word.lower(), word.lower() if word.lower() in self.known else word)
        for name in (word, word.lower(), label):
            if word and name in self.renamed:
                return self.renamed[name]
        if label in self.known:
            return label
        if self.unknown == "drop":
            return None
        raise RowError(
            f"the label is missing{'' if not word else ' from the labels of the corpus'}",
            slug="row-label",
            where=where,
            found=repr(word) if word else "nothing",
            allowed=", ".join(self.label_space),
            remedy=f"map it (labels: {{{word or 'its name'}: ...}}), or leave such rows out (unknown_labels: drop)",
        )

    def remarks(self, dropped: int, total: int) -> list[str]:
        """Say which labels were renamed, and how many utterances were left out."""
        said = [f"{old!r} is called {new!r}" for old, new in self.renamed.items() if old != new]
        return said + (
            [f"{dropped} of {total} utterances have a missing or unknown label and are left out"] * (dropped > 0)
        )


def labelling(
    known: Sequence[str],
    *,
    of: str,
    spellings: Mapping[str, str] | None = None,
    renamed: Mapping[str, str],
    unknown: UnknownLabels,
) -> Labelling:
    """Return how labels are read; `of` names the loader.

    Raises:
        PlanError: `labels` renames something that the corpus does not have, and unknown labels are dropped, so that
            the line could do nothing; or a new name is empty.
    """
    allowed = [*known, *(spellings or {})]
    for old, new in renamed.items():
        strange = unknown == "drop" and old not in allowed and old.lower() not in allowed
        if strange or not new.strip():
            raise PlanError(
                f"labels: {old!r} is no label of this corpus{did_you_mean(old, allowed)}"
                if strange
                else f"labels: {old!r} is given no name",
                slug="plan-invalid",
                where=of,
                found=f"{old}: {new}",
                allowed=", ".join(known),
                remedy="correct the line under labels",
            )
    return Labelling(known=tuple(known), spellings=dict(spellings or {}), renamed=dict(renamed), unknown=unknown)
