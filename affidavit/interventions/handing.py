"""What is handed to a function under a condition that intervenes: another utterance's media, or other words.

A function keeps its states and its reasoning to itself, so only what stands in an utterance can be changed for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from affidavit.conditions import Condition
from affidavit.errors import PlanError
from affidavit.interventions.donors import Donors, drawn_donors
from affidavit.interventions.operators import EXCHANGES, FILLS, REASONING, Intervention, intervention
from affidavit.interventions.transcripts import REWRITES, needs_answer, rewritten
from affidavit.judgements import available
from affidavit.utterances import Judgement, Utterance

_FIELDS: Final[Mapping[str, str]] = {"T": "text", "A": "audio", "V": "video"}
_WHY: Final[Mapping[str, str]] = {
    **dict.fromkeys(FILLS, "an empty or a mean input is one of a model's own states, which a function does not show"),
    **dict.fromkeys(REASONING, "a function reasons by itself, and nobody else can cut its reasoning"),
    **dict.fromkeys(("history", "history-shuffled"), "a function is handed one utterance and no turns before it"),
    **dict.fromkeys(("instruction-paraphrase", "instruction-swap"), "a function is given no instruction"),
    "additive": "the additive projection is made of scores of exchanged states, which a function does not show",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Handing:
    """What changes utterances under the conditions asked for."""

    interventions: Mapping[Condition, Intervention]
    donors: Mapping[Condition, Donors]
    by_id: Mapping[str, Utterance]
    seed: int

    @classmethod
    def of(
        cls, conditions: Sequence[Condition], utterances: Sequence[Utterance], *, labels: Sequence[str], seed: int
    ) -> Handing:
        """Draw the donors of every condition among the utterances that are judged.

        Raises:
            PlanError: a condition asks for what cannot be changed in an utterance, or for words erased by a rationale
                under a base condition that is not asked.
        """
        found = {c: item for c in conditions if (item := intervention(c, label_space=labels)) is not None}
        for item in found.values():
            _require_possible(item, conditions)
        donors = {
            condition: drawn_donors(
                item.operator,
                utterances,
                {u.utterance_id for u in utterances if item.letters <= available(u)},
                seed=seed,
            )
            for condition, item in found.items()
            if item.operator in EXCHANGES
        }
        by_id = {utterance.utterance_id: utterance for utterance in utterances}
        return cls(interventions=found, donors=donors, by_id=by_id, seed=seed)

    def letters(self, condition: Condition) -> frozenset[str]:
        """Return the modalities that are other than the utterance's own under a condition."""
        item = self.interventions.get(condition)
        return frozenset() if item is None else item.letters

    def changed(self, utterance: Utterance, condition: Condition, *, answer: Judgement | None) -> Utterance | str:
        """Return the utterance under a condition, or why there is none; `answer` is what was said of it under the base.

        Its id, label and all but the changed modalities stay.
        """
        item = self.interventions.get(condition)
        if item is None:
            return utterance
        if item.operator in REWRITES:
            text, because = rewritten(
                utterance.text or "", item, utterance_id=utterance.utterance_id, answer=answer, seed=self.seed
            )
            return replace(utterance, text=text) if because is None else because
        drawn = self.donors[condition]
        if utterance.utterance_id not in drawn.donor:
            return drawn.because[utterance.utterance_id]
        donor = self.by_id[drawn.donor[utterance.utterance_id]]
        return replace(utterance, **{_FIELDS[letter]: getattr(donor, _FIELDS[letter]) for letter in item.letters})


def _require_possible(item: Intervention, conditions: Sequence[Condition]) -> None:
    if item.operator in _WHY:
        raise PlanError(
            f"a function cannot be judged under {item.operator!r}",
            slug="plan-impossible",
            where=f"condition {item.condition}",
            found=_WHY[item.operator],
            allowed=f"interventions on what is handed over: {', '.join((*EXCHANGES, *REWRITES))}",
            remedy="leave the condition out, or use a reasoner of the registry",
        )
    require_base(item, conditions)


def require_base(item: Intervention, conditions: Sequence[Condition]) -> None:
    """Refuse words erased by a rationale that nobody asked for.

    Raises:
        PlanError: the base condition is not among those asked.
    """
    if needs_answer(item) and item.base not in conditions:
        raise PlanError(
            f"{item.operator!r} erases by the rationale under {item.base}, which is not asked for",
            slug="plan-impossible",
            where=f"condition {item.condition}",
            found=", ".join(map(str, conditions)),
            allowed=f"{item.base} beside it",
            remedy=f"add {item.base} to the conditions",
        )
