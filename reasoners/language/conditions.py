"""Conditions as a language model is asked about them: what it can be shown, and what is changed in its own reasoning.

Because it answers behind its reasoning, that can be cut (`early`), exchanged for dots (`filler`), or written anew by
whom the plan names (`mistake`, `paraphrase`: `reasoners.language.rewriting`), and the answer that follows is really
another answer: what `rationale-corruption` measures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from affidavit.conditions import Condition
from affidavit.degradations.operators import OPERATORS, degradation
from affidavit.errors import PlanError
from affidavit.interventions import Intervention, canonical, intervention
from affidavit.interventions.handing import Handing, require_base
from affidavit.interventions.operators import EXCHANGES, REASONING
from affidavit.interventions.remarks import remarks
from affidavit.interventions.transcripts import REWRITES
from affidavit.judgements import asked_conditions, to_judge
from affidavit.utterances import Utterance
from reasoners.language.rewriting import WRITTEN, Writer

UNWRITTEN: Final = ("early", "filler")
"""Operators on the reasoning for which nobody has to write anything."""
ON_INPUT: Final = (*EXCHANGES, *REWRITES)
_DOT: Final = "."


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The conditions asked for, canonical and each once; those that others rest on come first."""

    conditions: tuple[Condition, ...]
    reasoning: Mapping[Condition, Intervention]
    """Of the conditions that change the model's own reasoning."""
    handing: Handing
    """Changes what is handed over under the others."""

    @property
    def said(self) -> tuple[str, ...]:
        """What a report has to say of them."""
        return tuple(remarks([*self.handing.interventions.values(), *self.reasoning.values()]))


def read_conditions(
    conditions: Sequence[str],
    chosen: Sequence[Utterance],
    *,
    modalities: frozenset[str],
    labels: Sequence[str],
    on_reasoning: Sequence[str],
    seed: int,
) -> Asked:
    """Read conditions for a model that takes in these modalities, and whose reasoning can be changed so.

    Raises:
        PlanError: an operator is unknown or cannot be done, its level does not read, it rests on a base that is not
            asked for, nobody can be judged, or the model takes in none of the conditions.
    """
    parsed = [str(canonical(Condition.parse(text), label_space=tuple(labels))) for text in conditions]
    asked = asked_conditions(parsed, to_judge(chosen))
    found = {c: item for c in asked if (item := intervention(c, label_space=tuple(labels))) is not None}
    for condition in asked:
        if condition not in found:
            degradation(condition)
    for condition, item in found.items():
        _require_possible(condition, item, asked, on_reasoning=on_reasoning)
    if not any(takes(condition, modalities) for condition in asked):
        raise PlanError(
            "the model cannot take in what these conditions show",
            slug="plan-impossible",
            found=", ".join(map(str, asked)),
            allowed=f"subsets of {''.join(sorted(modalities, key='TAV'.index))}",
            remedy="name other conditions, or a model with these modalities",
        )
    own = {condition: item for condition, item in found.items() if item.operator in REASONING}
    handed = [condition for condition in asked if condition not in own]
    ordered = sorted(asked, key=lambda condition: condition in found)
    return Asked(
        conditions=tuple(ordered),
        reasoning=own,
        handing=Handing.of(handed, to_judge(chosen), labels=tuple(labels), seed=seed),
    )


def on_reasoning(*, thinks: bool, writer: Writer | None) -> tuple[str, ...]:
    """Return the operators on the reasoning that can be done with a model, and whoever writes for it.

    >>> on_reasoning(thinks=True, writer=None), on_reasoning(thinks=False, writer="lexical")
    (('early', 'filler'), ())
    """
    if not thinks:
        return ()
    return UNWRITTEN if writer is None else (*UNWRITTEN, *WRITTEN)


def takes(condition: Condition, modalities: frozenset[str]) -> bool:
    """Say whether a condition shows something, and only what the model takes in."""
    return bool(condition.modalities) and condition.modalities <= modalities


def instead(rationale: str, item: Intervention) -> str:
    """Return what stands in the place of a model's reasoning.

    `early=0.5` leaves the first half of its words; `filler` has one dot for each word.
    """
    spoken = rationale.split()
    if item.operator == "filler":
        return " ".join(_DOT for _ in spoken)
    return " ".join(spoken[: round(item.share * len(spoken))])


def _require_possible(
    condition: Condition, item: Intervention, conditions: Sequence[Condition], *, on_reasoning: Sequence[str]
) -> None:
    if item.operator not in (*ON_INPUT, *on_reasoning):
        raise PlanError(
            f"this model cannot be judged under {item.operator!r}",
            slug="plan-impossible",
            where=f"condition {condition}",
            found=_lacking(item, on_reasoning),
            allowed=", ".join((*OPERATORS, *ON_INPUT, *on_reasoning)),
            remedy=_remedy(item, on_reasoning),
        )
    require_base(item, conditions)
    if item.operator in REASONING and item.base not in conditions:
        raise PlanError(
            f"{item.operator!r} changes the reasoning under {item.base}, which is not asked for",
            slug="plan-impossible",
            where=f"condition {condition}",
            found=", ".join(map(str, conditions)),
            allowed=f"{item.base} beside it",
            remedy=f"add {item.base} to the conditions",
        )


def _lacking(item: Intervention, on_reasoning: Sequence[str]) -> str:
    if item.operator not in REASONING:
        return "an operator on states or wordings"
    return "nobody who writes the reasoning anew" if on_reasoning else "it writes no reasoning"


def _remedy(item: Intervention, on_reasoning: Sequence[str]) -> str:
    if item.operator in WRITTEN and on_reasoning:
        return "name who writes it, rewriter: lexical or rewriter: self, or leave the condition out"
    return "leave the condition out, or ask for reasoning before the answer"
