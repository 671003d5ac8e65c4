"""Conditions as a model is asked about them: read and refused before anything is heard, and what is said of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from affidavit.conditions import Condition
from affidavit.errors import PlanError
from affidavit.interventions import Intervention, canonical, intervention
from affidavit.interventions.handing import require_base
from affidavit.interventions.operators import ADDITIVE, EXCHANGES, REASONING
from affidavit.interventions.remarks import remarks
from affidavit.interventions.transcripts import needs_answer
from affidavit.judgements import asked_conditions, to_judge
from affidavit.utterances import Utterance
from reasoners.instructed.config import ModelConfig
from reasoners.instructed.pool import ADDITIVE_DONORS
from reasoners.instructed.reasons import explained_conditions, untaught, why_no_reasons
from reasoners.instructed.rewordings import reworded
from reasoners.instructed.scope import require_takeable, takes

POOLED: Final = (*EXCHANGES, "mean", ADDITIVE)
"""Operators that need the states of everybody who is judged."""
REPEATED: Final = (
    "early, mistake, filler, paraphrase: the model answers before it writes its rationale, so its answer cannot depend "
    "on it; these rows repeat the answer without an operator, and were not asked anew"
)
RENUMBERED: Final = (
    "history: the turns that are left are numbered anew, from the first of them; a turn that has no more before it "
    "keeps all, and with them its answer"
)
UNINSTRUCTED: Final = "the model is told no instruction in words: other words of it change nothing"
UNDIALOGIC: Final = "the model reads no turns before the judged one: another history changes nothing"
_READ_BESIDE: Final = ("insert", "hint")
"""Operators whose judgements say something only beside their rationales."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The conditions asked for, canonical and each once."""

    conditions: tuple[Condition, ...]
    interventions: Mapping[Condition, Intervention]
    """Of the conditions that intervene."""

    @property
    def pooled(self) -> tuple[Condition, ...]:
        """Those that need the states of everybody who is judged."""
        return tuple(condition for condition, item in self.interventions.items() if item.operator in POOLED)


def read_conditions(
    conditions: Sequence[str], chosen: Sequence[Utterance], config: ModelConfig, *, instruction: str
) -> Asked:
    """Read conditions for a model.

    Raises:
        PlanError: an operator is unknown or its level does not read, nobody can be judged under any condition, the
            model takes in none of them, or one rests on an answer or a wording that there is not.
    """
    labels = config.label_space
    parsed = [str(canonical(Condition.parse(text), label_space=labels)) for text in conditions]
    asked = asked_conditions(parsed, to_judge(chosen))
    found = {c: item for c in asked if (item := intervention(c, label_space=labels)) is not None}
    require_takeable([found[c].base if c in found else c for c in asked], config)
    for item in found.values():
        require_base(item, asked)
        if item.operator.startswith("instruction-"):
            reworded(instruction, item.operator)
    return Asked(conditions=asked, interventions=found)


def with_reasons(
    asked: Asked, chosen: Sequence[Utterance], config: ModelConfig, card: Mapping[str, object], *, wanted: str
) -> tuple[frozenset[Condition], list[str]]:
    """Return the conditions under which reasons are written, and what is to be said of them.

    With `full` these are, beside the fullest one, those that say nothing without their reasons: an added word or hint
    with its base, and the base of what is erased by its rationale.

    Raises:
        PlanError: words are to be erased by rationales, and none are written.
    """
    ranks = [item for item in asked.interventions.values() if needs_answer(item)]
    why = "no rationales were asked for (rationales: none)" if wanted == "none" else why_no_reasons(config, card)
    if why is not None:
        if ranks:
            raise _nothing_to_rank_by(ranks[0], why)
        return frozenset(), [] if wanted == "none" else [why]
    kinds: dict[str, Literal["full", "all", "none"]] = {"full": "full", "all": "all"}
    possible = [condition for condition in asked.conditions if takes(config, condition)]
    found = set(explained_conditions(possible, to_judge(chosen), kinds[wanted]))
    for condition, item in asked.interventions.items():
        if item.operator in _READ_BESIDE:
            found |= {condition, item.base} & set(possible)
    found |= {item.base for item in ranks} & set(possible)
    found -= {condition for condition, item in asked.interventions.items() if item.operator == ADDITIVE}
    return frozenset(found), untaught(config, card)


def said_of(asked: Asked, config: ModelConfig, *, instruction: str, n_judged: int) -> tuple[str, ...]:
    """Return what a report has to say of the interventions asked for."""
    found = tuple(asked.interventions.values())
    operators = {item.operator for item in found}
    said = list(remarks(found))
    if operators & set(REASONING):
        said.append(REPEATED)
    if ADDITIVE in operators:
        donors = min(ADDITIVE_DONORS, n_judged)
        said.append(f"additive: of the scores, given the turns before, by means over at most {donors} donors")
    told = sorted(operator for operator in operators if operator.startswith("instruction-"))
    said += [f"{operator}: it was told '{reworded(instruction, operator)}'" for operator in told]
    if told and (not config.instructed or config.text is None):
        said.append(UNINSTRUCTED)
    if operators & {"history", "history-shuffled"}:
        said.append(RENUMBERED if config.dialogue_layers else UNDIALOGIC)
    return tuple(said)


def _nothing_to_rank_by(item: Intervention, why: str) -> PlanError:
    return PlanError(
        "words are to be erased by rationales, and there are none",
        slug="plan-impossible",
        where=f"condition {item.condition}",
        found=why,
        allowed="rationales: full or all, and a model that writes them",
        remedy=f"ask for rationales, or leave {item.operator} out",
    )
