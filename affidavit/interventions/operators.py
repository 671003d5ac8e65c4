"""The operators of a condition that intervene, what their levels mean, and the one object that holds them read.

| operators | level | what is changed |
|---|---|---|
| `resampled`, `permuted`, `permuted-within-label`, `permuted-within-speaker` | letters | modalities come from a donor |
| `zeroed`, `mean` | letters | modalities are empty, or the mean of everybody's |
| `additive` | none | the answer is the best sum of what each modality says alone (EMAP) |
| `history` | turns | only so many turns before |
| `history-shuffled`, `instruction-paraphrase`, `instruction-swap` | none | turns before, words of the instruction |
| `insert`, `hint` | a word, a label (a blank is written `_`) | the transcript says more |
| `without-rationale`, `without-random`, `only-rationale`, `only-random` | a share | the transcript says less |
| `early`, `mistake` | a share | reasoning is cut, or has a mistake put in |
| `filler`, `paraphrase` | none | reasoning is dots, or in other words |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from affidavit.conditions import MODALITIES, Condition
from affidavit.degradations.operators import OPERATORS as DEGRADATIONS
from affidavit.errors import PlanError
from affidavit.yaml_files import did_you_mean

EXCHANGES: Final = ("resampled", "permuted", "permuted-within-label", "permuted-within-speaker")
"""Operators that bring another utterance's input."""
FILLS: Final = ("zeroed", "mean")
ERASES: Final = ("without-rationale", "without-random", "only-rationale", "only-random")
REASONING: Final = ("early", "mistake", "filler", "paraphrase")
"""Operators on the reasoning before an answer: where the answer comes first, they change nothing."""
ADDITIVE: Final = "additive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervention:
    """One operator at one level."""

    condition: Condition
    """Canonical."""
    operator: str
    letters: frozenset[str] = frozenset()
    """Modalities whose input is changed: those named, or `T` where words are added or erased."""
    share: float = 0.0
    """Of the transcript's words, or of the reasoning; 0 to 1."""
    turns: int = 0
    """Turns before the judged one that are left."""
    words: str = ""
    """The word that is put in, or the label that is hinted at."""

    @property
    def base(self) -> Condition:
        """What it is compared with."""
        return Condition(modalities=self.condition.modalities)


def intervention(condition: Condition, *, label_space: Sequence[str] = ()) -> Intervention | None:
    """Return what a condition intervenes on; None where it has no operator, or one that degrades its input.

    Raises:
        PlanError: the operator is unknown, its level does not read, or the condition lacks what it changes.
    """
    if condition.operator is None or condition.operator in DEGRADATIONS:
        return None
    read = _READERS.get(condition.operator)
    if read is None:
        raise _unknown(condition)
    found = read(condition)
    if condition.operator == "hint" and label_space:
        if condition.level in label_space:  # a label that is itself written with _
            found = replace(found, words=condition.level or "")
        elif found.words not in label_space:
            raise _level(condition, f"a label: {', '.join(label.replace(' ', '_') for label in label_space)}")
    lacking = [letter for letter in MODALITIES if letter in found.letters - condition.modalities]
    if lacking or not condition.modalities:
        raise PlanError(
            f"{condition.operator!r} changes {MODALITIES[lacking[0]] if lacking else 'a modality'}, "
            "and the condition has none",
            slug="plan-impossible",
            where=f"condition {condition}",
            allowed=f"conditions with {''.join(lacking) or 'modalities'}",
            remedy="name the modalities that are shown before the operator, as in TAV/resampled=V",
        )
    return found


def canonical(condition: Condition, *, label_space: Sequence[str] = ()) -> Condition:
    """Return the condition with letters in canonical order: `TAV/resampled=VA` is `TAV/resampled=AV`.

    Raises:
        PlanError: as `intervention`.
    """
    found = intervention(condition, label_space=label_space)
    return condition if found is None else found.condition


def _letters(condition: Condition) -> Intervention:
    text = (condition.level or "").upper()
    if not text or len(set(text)) < len(text) or not set(text) <= condition.modalities:
        shown = "".join(letter for letter in MODALITIES if letter in condition.modalities)
        raise _level(condition, f"letters of {shown}, each once, as {condition.operator}={shown}")
    level = "".join(letter for letter in MODALITIES if letter in text)
    return replace(_plain(replace(condition, level=level)), letters=frozenset(text))


def _words(condition: Condition) -> Intervention:
    words = (condition.level or "").replace("_", " ").strip()
    if not words:
        raise _level(condition, f"a word, as {condition.operator}=tired (a blank is written _)")
    return replace(_plain(condition), letters=frozenset("T"), words=words)


def _size(condition: Condition) -> Intervention:
    """Read a share of the words; 0 is allowed where the rest alone is shown: then nothing is."""
    share = _share(condition.level)
    alone = (condition.operator or "").startswith("only")
    if share is None or not (0 if alone else 1e-9) <= share < 1:
        raise _level(condition, f"a share {'from' if alone else 'above'} 0 and below 1, such as 20% or 0.2")
    return replace(_plain(condition), letters=frozenset("T"), share=share)


def _place(condition: Condition) -> Intervention:
    share = _share(condition.level)
    if share is None or not 0 <= share < 1:
        raise _level(condition, "a share of the reasoning from 0 and below 1, such as 0.4 or 40%")
    return replace(_plain(condition), share=share)


def _turns(condition: Condition) -> Intervention:
    text = condition.level or ""
    if not (text.isascii() and text.isdigit()):
        raise _level(condition, "a number of turns, such as 0 or 3")
    return replace(_plain(condition), turns=int(text))


def _without_level(condition: Condition) -> Intervention:
    if condition.level is not None:
        raise _level(condition, "no level")
    return _plain(condition)


def _plain(condition: Condition) -> Intervention:
    return Intervention(condition=condition, operator=condition.operator or "")


def _share(text: str | None) -> float | None:
    plain = (text or "").removesuffix("%")
    if not plain.replace(".", "", 1).isdigit() or not plain.isascii():
        return None
    return float(plain) / (100 if (text or "").endswith("%") else 1)


_READERS: Final[Mapping[str, Callable[[Condition], Intervention]]] = MappingProxyType(
    {
        **dict.fromkeys((*EXCHANGES, *FILLS), _letters),
        **dict.fromkeys((ADDITIVE, "history-shuffled", "instruction-paraphrase", "instruction-swap"), _without_level),
        **dict.fromkeys(("filler", "paraphrase"), _without_level),
        **dict.fromkeys(("early", "mistake"), _place),
        **dict.fromkeys(("insert", "hint"), _words),
        **dict.fromkeys(ERASES, _size),
        "history": _turns,
    }
)
"""Every operator that intervenes, with what reads its level; the one place to add another."""
OPERATORS: Final = tuple(_READERS)


def _unknown(condition: Condition) -> PlanError:
    named = condition.operator or ""
    return PlanError(
        f"{named!r} is no operator that degrades an input or intervenes on one"
        f"{did_you_mean(named, [*DEGRADATIONS, *OPERATORS])}",
        slug="plan-impossible",
        where=f"condition {condition}",
        found=named,
        allowed=f"degradations: {', '.join(DEGRADATIONS)}; interventions: {', '.join(OPERATORS)}",
        remedy="correct the condition in the plan",
    )


def _level(condition: Condition, allowed: str) -> PlanError:
    return PlanError(
        f"the level of {condition.operator!r} does not read",
        slug="plan-impossible",
        where=f"condition {condition}",
        found="no level" if condition.level is None else repr(condition.level),
        allowed=allowed,
        remedy="correct the condition in the plan",
    )
