"""What stands in the place of a model's own reasoning under a condition that changes it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from affidavit.conditions import Condition
from affidavit.interventions import Intervention
from affidavit.judgements import Judged
from affidavit.seeds import seed_of
from reasoners.language.conditions import instead
from reasoners.language.rewriting import (
    MISTAKE,
    NO_OTHER_WORDS,
    NOTHING_ELSE,
    PARAPHRASE,
    WRITTEN,
    Passage,
    Rewriter,
    same_words,
    told_writer,
    torn,
)

NO_REASONING: Final = "it gave no reasoning that could be changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thought:
    """Reasoning as a model finds it behind its prompt."""

    text: str | None
    """None where it writes its own."""
    goes_on: bool = False
    """Whether it goes on from there before it answers."""


def thoughts_of(
    item: Intervention, reasons: Mapping[str, str], *, rewriter: Rewriter | None, labels: tuple[str, ...]
) -> dict[str, Thought | str]:
    """Return by utterance id what stands in the place of each reasoning, or why nothing does.

    Raises:
        TypeError: somebody has to write it and nobody is there: reading the conditions refuses that.
    """
    given = {name: text for name, text in reasons.items() if text.strip()}
    silent: dict[str, Thought | str] = {name: NO_REASONING for name in reasons if name not in given}
    if item.operator not in WRITTEN:
        return silent | {name: Thought(text=instead(text, item)) for name, text in given.items()}
    if rewriter is None:
        raise TypeError(f"{item.operator} without a rewriter")
    cut = {name: torn(text, item.share) for name, text in given.items()} if item.operator == MISTAKE else {}
    passages = [
        Passage(
            text=cut[name].sentence if cut else text,
            operator=item.operator,
            labels=labels,
            seed=seed_of(name, item.operator),
        )
        for name, text in given.items()
    ]
    found: dict[str, Thought | str] = {}
    for name, passage, written in zip(given, passages, rewriter.rewritten(passages), strict=True):
        if written is None or same_words(written, passage.text):
            found[name] = NO_OTHER_WORDS if written is None else NOTHING_ELSE
        elif cut:
            found[name] = Thought(text=cut[name].with_mistake(written), goes_on=True)
        else:
            found[name] = Thought(text=written)
    return silent | found


def told_rewriting(
    asked: Mapping[Condition, Intervention], judged: Sequence[Judged], rewriter: Rewriter | None
) -> tuple[str, ...]:
    """Return in sentences who wrote reasoning anew, and how many of the words of a paraphrase are other ones."""
    operators = [name for name in WRITTEN if any(item.operator == name for item in asked.values())]
    if rewriter is None or not operators:
        return ()
    said = [told_writer(rewriter.name, operators)]
    reasons = {(one.utterance.utterance_id, one.condition): one.judgement.rationale or "" for one in judged}
    shares = [
        changed_share(reasons[name, str(item.base)], text)
        for condition, item in asked.items()
        if item.operator == PARAPHRASE
        for (name, under), text in reasons.items()
        if under == str(condition) and (name, str(item.base)) in reasons
    ]
    if shares:
        said.append(
            f"paraphrase: {fmean(shares):.0%} of the words of {len(shares)} reasonings are not in the other one"
        )
    return tuple(said)


def changed_share(text: str, other: str) -> float:
    """Return the share of a text's words that another text does not have, as often as they stand there.

    >>> changed_share("She is angry because", "She is cross since")
    0.5
    """
    words, others = (Counter(re.findall(r"\w+", one.casefold())) for one in (text, other))
    return sum((words - others).values()) / max(1, sum(words.values()))
