"""The answers to one case as a judgement, or the reason why there is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from affidavit.citations import cues_of
from affidavit.judgements import Unjudged
from affidavit.utterances import Judgement
from reasoners.completions import Parsed, parse_completion
from reasoners.served.journal import Answer
from reasoners.served.options import ServedOptions

UNANSWERED: Final = "the endpoint gave no answer"
REFUSED: Final = "the endpoint refuses the question"


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One case, read."""

    said: Judgement | Unjudged
    parsed: tuple[Parsed, ...]
    """Every completion of the case."""


def read_case(
    utterance_id: str,
    condition: str,
    answers: Sequence[Answer | str],
    *,
    labels: Sequence[str],
    options: ServedOptions,
) -> Read:
    """Read the answers to the samples of a case; a string is the fault of one that was not answered.

    Of several samples the commonest label is the answer (of two as common, the one that came first), with the reasons
    of the first sample that gave it.
    """
    for answer in answers:
        if isinstance(answer, str):
            return Read(said=_not(utterance_id, condition, UNANSWERED, answer), parsed=())
        if answer.refused is not None:
            return Read(said=_not(utterance_id, condition, REFUSED, answer.refused), parsed=())
    known = [answer for answer in answers if isinstance(answer, Answer)]
    parsed = tuple(parse_completion(answer.text or "", labels) for answer in known)
    counts = Counter(item.label for item in parsed if item.label is not None)
    chosen = parsed[0] if not counts else _first(parsed, counts.most_common(1)[0][0])
    said = chosen.judgement(
        utterance_id=utterance_id,
        condition=condition,
        probabilities=_shares(known, counts, labels, options),
        instruction=options.instruction,
    )
    if isinstance(said, Judgement) and said.rationale is not None:
        said = _with_reasons(said, wanted=options.rationales == "all")
    return Read(said=said, parsed=parsed)


def _with_reasons(said: Judgement, *, wanted: bool) -> Judgement:
    if not wanted or said.rationale is None:
        return replace(said, rationale=None)
    return replace(said, cues=cues_of(said.rationale))


def _first(parsed: Sequence[Parsed], label: str) -> Parsed:
    return next(item for item in parsed if item.label == label)


def _shares(
    answers: Sequence[Answer], counts: Counter[str], labels: Sequence[str], options: ServedOptions
) -> Mapping[str, float]:
    """Return probabilities of labels; none where nothing tells them."""
    if options.probabilities == "logprobs":
        return answers[0].shares or {}
    if options.probabilities == "samples" and counts:
        whole = sum(counts.values())
        return {label: counts[label] / whole for label in labels}
    return {}


def _not(utterance_id: str, condition: str, because: str, detail: str) -> Unjudged:
    return Unjudged(utterance_id=utterance_id, condition=condition, because=because, detail=detail)
