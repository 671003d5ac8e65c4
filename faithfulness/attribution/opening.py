"""Judgements of a table as turns of the reasoner that judged them, or the reason why one cannot be opened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from affidavit.attributable import Attributable, AttributableTurn, attributable_of
from affidavit.case import Case
from affidavit.corpus import Corpus
from affidavit.errors import InputError, PlanError
from affidavit.records import Refusal
from affidavit.splits import dialogues
from affidavit.utterances import Utterance
from faithfulness.attribution.options import MethodOptions

MOST_CHARACTERS: Final = 800
"""Of a rationale; the tokens of what comes after are not scored."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bench:
    """A live reasoner, the dialogues that it judged, and what could not be opened."""

    reasoner: Attributable
    rows: Mapping[str, tuple[Utterance, ...]]
    """By utterance id its dialogue."""
    condition: str
    failed: Counter[str] = field(default_factory=Counter)
    """Why, and how often."""

    def turn(self, utterance_id: str, rationale: str | None) -> AttributableTurn | None:
        """Return a judgement with a rationale; None where the reasoner says that it cannot, which is counted.

        Where no rationale is given the reasoner writes its own.
        """
        told = None if rationale is None else rationale[:MOST_CHARACTERS]
        row = self.rows[utterance_id]
        try:
            return self.reasoner.attributable(row, utterance_id=utterance_id, condition=self.condition, rationale=told)
        except (InputError, PlanError) as error:
            self.failed[error.what] += 1
            return None

    @property
    def caveats(self) -> tuple[str, ...]:
        """What every finding says of judgements that could not be opened."""
        return tuple(f"{count:,} could not be attributed: {what}" for what, count in sorted(self.failed.items()))


def dialogue_rows(corpus: Corpus) -> dict[str, tuple[Utterance, ...]]:
    """Return by utterance id the dialogue that it belongs to."""
    return {turn.utterance_id: row for row in dialogues(corpus.utterances).values() for turn in row}


def open_bench(case: Case, run: str, condition: str) -> Bench:
    """Return the reasoner of a run, opened.

    Raises:
        RegistryError: it was said to offer gradients, and its turns cannot be had.
        AffidavitError: it cannot be opened.
    """
    live = case.live[run]
    reasoner = attributable_of(live, run=run)
    return Bench(reasoner=reasoner, rows=dialogue_rows(live.corpus), condition=condition)


def too_large(
    bench: Bench, utterance_ids: Sequence[str], options: MethodOptions, *, examination: str, run: str
) -> Refusal | None:
    """Refuse a reasoner of more parameters than the options allow, before anything is attributed."""
    asked = replace(bench, failed=Counter())
    turn = next((turn for name in utterance_ids if (turn := asked.turn(name, "")) is not None), None)
    module = None if turn is None else turn.module
    n_parameters = 0 if module is None else sum(part.numel() for part in module.parameters())
    if n_parameters <= options.most_parameters:
        return None
    allowed = 10 ** len(str(n_parameters))
    return Refusal(
        examination=examination,
        run=run,
        because=f"the reasoner has {n_parameters:,} parameters and each judgement asks it hundreds of times, which "
        f"takes long; up to {options.most_parameters:,} it is done unasked",
        remedy=f"where there is time or a GPU, name it with its options, and few judgements to begin with: "
        f"{{name: {examination}, options: {{most_parameters: {allowed}, most_utterances: 8}}}}",
    )


def cut_caveat(rationales: Sequence[str]) -> tuple[str, ...]:
    """Say how many rationales are longer than what is read of them."""
    n_cut = sum(len(text) > MOST_CHARACTERS for text in rationales)
    return (f"{n_cut:,} rationales were read up to {MOST_CHARACTERS} characters",) if n_cut else ()
