"""Judgements into the predictions table: one row an utterance and condition, and what was not judged counted by reason.

What is judged: the utterances that have a label, or all of them where none has. An utterance is judged under a
condition only if it has every modality the condition names; otherwise the row would say `TAV` of a reasoner that was
shown `TV`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Final

from affidavit.canonical import SUM_TOLERANCE
from affidavit.conditions import MODALITIES, Condition
from affidavit.errors import PlanError, RowError
from affidavit.schema import UNKNOWN
from affidavit.utterances import Cue, Judgement, Utterance

if TYPE_CHECKING:
    import pyarrow as pa

_NAMED: Final = 3
_SHOWN: Final = 200
"""Characters of an answer that are repeated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One judgement, of what and under which condition."""

    utterance: Utterance
    condition: str
    judgement: Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Unjudged:
    """A judgement that was not made, and why: kept and counted, never dropped."""

    utterance_id: str
    condition: str
    because: str
    """A reason that others may share, such as `no consent to video`."""
    detail: str | None = None
    """What is particular to this one, such as the file."""


def to_judge(utterances: Sequence[Utterance]) -> tuple[Utterance, ...]:
    """Return the utterances that are judged; the others (a clinician's turns) are context."""
    labelled = tuple(utterance for utterance in utterances if utterance.label is not None)
    return labelled or tuple(utterances)


def available(utterance: Utterance) -> frozenset[str]:
    """Return the letters of the modalities that there are and that were consented to."""
    has = {"T": bool(utterance.text and utterance.text.strip()), "A": utterance.audio, "V": utterance.video}
    return frozenset(
        letter
        for letter, there in has.items()
        if there is not None and there is not False and utterance.consent.get(MODALITIES[letter]) is not False
    )


def why_not_available(utterance: Utterance, condition: Condition) -> str | None:
    """Return why an utterance cannot be judged under a condition, or None where it can."""
    lacking = [letter for letter in MODALITIES if letter in condition.modalities - available(utterance)]
    if not lacking:
        return None
    name = MODALITIES[lacking[0]]
    return f"no consent to {name}" if utterance.consent.get(name) is False else f"no {name}"


def asked_conditions(conditions: Sequence[str], utterances: Sequence[Utterance]) -> tuple[Condition, ...]:
    """Return all conditions, each once, in the order given, also those under which nobody can be judged.

    Raises:
        PlanError: nobody can be judged under any of them.
    """
    parsed = tuple(dict.fromkeys(Condition.parse(text) for text in conditions))
    there = {available(utterance) for utterance in utterances}
    if not any(condition.modalities <= has for condition in parsed for has in there):
        raise PlanError(
            "no utterance has what these conditions show",
            slug="plan-impossible",
            found=", ".join(map(str, parsed)) or "no conditions",
            allowed=", ".join(sorted({MODALITIES[letter] for has in there for letter in has})) or "nothing is there",
            remedy="name conditions of the modalities that the corpus has",
        )
    return parsed


def require_answer(answer: object, *, where: str, label_space: Sequence[str]) -> Judgement:
    """Return what somebody's function answered, if it is a judgement; `where` names utterance and condition.

    Raises:
        RowError: it is something else, its label or a probability lies outside the label space, or a number is none.
    """
    if not isinstance(answer, Judgement):
        raise _no_answer(where, "this is no judgement", "row-value", answer, "an affidavit.Judgement")
    allowed = ", ".join(label_space) or "any text"
    if not isinstance(answer.label, str) or (label_space and answer.label not in label_space):
        raise _no_answer(where, "the label lies outside the label space", "row-label", answer.label, allowed)
    shares, weights = answer.probabilities, answer.modality_weights
    strange = [label for label in shares if not isinstance(label, str) or (label_space and label not in label_space)]
    if strange:
        raise _no_answer(where, "a probability is of no label of the label space", "row-label", strange[0], allowed)
    if shares and not (all(_is_share(share) for share in shares.values()) and _sum_to_one(shares.values())):
        what = "the probabilities are no shares of one"
        raise _no_answer(where, what, "row-probability", dict(shares), "numbers from 0 to 1 that sum to 1")
    if not (answer.intensity is None or _is_number(answer.intensity)):
        raise _no_answer(where, "the intensity is no number", "row-value", answer.intensity, "a finite number, or None")
    if not all(name in MODALITIES.values() and _is_number(weight) for name, weight in weights.items()):
        what = "the modality weights are no numbers by modality"
        raise _no_answer(where, what, "row-value", dict(weights), "finite numbers for text, audio and video")
    return _with_words(answer, where)


def _with_words(answer: Judgement, where: str) -> Judgement:
    for name in ("rationale", "instruction"):
        text = getattr(answer, name)
        if not (text is None or isinstance(text, str)):
            raise _no_answer(where, f"the {name} is no text", "row-value", text, "a string, or None")
    if not all(isinstance(cue, Cue) for cue in answer.cues):
        raise _no_answer(where, "the cues are none", "row-value", answer.cues, "a tuple of affidavit.Cue")
    return answer


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and math.isfinite(value)


def _is_share(value: object) -> bool:
    return isinstance(value, Real) and 0 <= float(value) <= 1


def _sum_to_one(shares: Iterable[float]) -> bool:
    return abs(math.fsum(shares) - 1) <= SUM_TOLERANCE


def _no_answer(where: str, what: str, slug: str, found: object, allowed: str) -> RowError:
    return RowError(
        what,
        slug=slug,
        where=where,
        found=f"{repr(found)[:_SHOWN]} ({type(found).__name__})",
        allowed=allowed,
        remedy="return such a judgement from the function for every utterance and condition",
    )


def judgement_table(judged: Sequence[Judged], *, reasoner: str, label_space: Sequence[str]) -> pa.Table:
    """Return judgements under the canonical names of the predictions table, in the order given."""
    import pyarrow as pa

    whom, said = [item.utterance for item in judged], [item.judgement for item in judged]
    columns: dict[str, pa.Array] = {
        "utterance_id": _text([u.utterance_id for u in whom]),
        "reasoner": _text([reasoner] * len(judged)),
        "condition": _text([item.condition for item in judged]),
        "instruction": _text([j.instruction for j in said]),
        "y_pred": _text([j.label for j in said]),
    }
    if any(u.label is not None for u in whom):
        columns["y_true"] = _text([u.label for u in whom])
    columns |= _identity(whom)
    if said and all(j.probabilities for j in said):
        columns |= {f"prob_{label}": pa.array([j.probabilities.get(label, 0.0) for j in said]) for label in label_space}
    if whom and all(u.soft_label for u in whom):
        columns |= {f"soft_{label}": pa.array([u.soft_label.get(label, 0.0) for u in whom]) for label in label_space}
    if any(j.intensity is not None for j in said):
        columns["intensity"] = pa.array([j.intensity for j in said], pa.float64())
        if any(u.intensity is not None for u in whom):
            columns["true_intensity"] = pa.array([u.intensity for u in whom], pa.float64())
    if any(j.modality_weights for j in said):
        columns |= {
            f"weight_{name}": pa.array([j.modality_weights.get(name) for j in said], pa.float64())
            for name in MODALITIES.values()
        }
    if any(j.rationale is not None for j in said):
        columns["rationale"] = _text([j.rationale for j in said])
    return pa.table(columns)


def cue_table(judged: Sequence[Judged]) -> pa.Table:
    """Return every cue that a rationale cites, one row each, with the key of its judgement."""
    import pyarrow as pa

    rows = [(item, cue) for item in judged for cue in item.judgement.cues]
    return pa.table(
        {
            "utterance_id": _text([item.utterance.utterance_id for item, _ in rows]),
            "condition": _text([item.condition for item, _ in rows]),
            "instruction": _text([item.judgement.instruction for item, _ in rows]),
            "modality": _text([cue.modality for _, cue in rows]),
            "quote": _text([cue.quote for _, cue in rows]),
            "start_s": pa.array([cue.start_s for _, cue in rows], pa.float64()),
            "end_s": pa.array([cue.end_s for _, cue in rows], pa.float64()),
        }
    )


def side_tables(
    judged: Sequence[Judged], unjudged: Sequence[Unjudged], *, reasoner: str, label_space: Sequence[str]
) -> dict[str, pa.Table]:
    """Return what is said beyond the validated table: every column, the cues cited, and what was not judged."""
    return {
        "judgements": judgement_table(judged, reasoner=reasoner, label_space=label_space),
        "cues": cue_table(judged),
        "unjudged": unjudged_table(unjudged),
    }


def told(unjudged: Sequence[Unjudged], *, n_judged: int) -> tuple[str, ...]:
    """Return in sentences how many judgements were not made and why, the commonest reason first."""
    if not unjudged:
        return ()
    total = n_judged + len(unjudged)
    head = f"{len(unjudged)} of {total} judgements asked for could not be made"
    reasons = Counter(item.because for item in unjudged).most_common()
    sentences = [f"{head}: " + ", ".join(f"{because} ({count})" for because, count in reasons)]
    details = [f"{item.utterance_id}: {item.detail}" for item in unjudged if item.detail is not None]
    if details:
        named = list(dict.fromkeys(details))
        more = f"; and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        sentences.append("not usable: " + "; ".join(named[:_NAMED]) + more)
    return tuple(sentences)


def unjudged_table(unjudged: Sequence[Unjudged]) -> pa.Table:
    """Return what was not judged, one row each."""
    import pyarrow as pa

    return pa.table(
        {
            name: _text([getattr(item, name) for item in unjudged])
            for name in ("utterance_id", "condition", "because", "detail")
        }
    )


def _identity(utterances: Sequence[Utterance]) -> dict[str, pa.Array]:
    names = ("speaker_id", "unit_id", "dialogue_id", "site")
    found = {name: [getattr(u, name) for u in utterances] for name in names}
    columns = {name: _text(values) for name, values in found.items() if any(value is not None for value in values)}
    features = dict.fromkeys(feature for u in utterances for feature in u.sensitive)
    return columns | {
        f"group_{feature}": _text([u.sensitive.get(feature, UNKNOWN) for u in utterances]) for feature in features
    }


def _text(values: Sequence[str | None]) -> pa.Array:
    import pyarrow as pa

    return pa.array(values, pa.string())
