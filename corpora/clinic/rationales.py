"""The reference rationales: why the label, in three families of instruction, in few and steady words.

* `temporal`: justify the emotion with what came before.
* `evidence`: name the dominant emotion and the modality that is the strongest evidence.
* `evolution`: say how the emotion evolved over the conversation.

Each begins with the label and a full stop, has 12 to 35 words, and calls modalities `words`, `voice` and `face`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

FAMILIES: Final = ("temporal", "evidence", "evolution")
NOUNS: Final[Mapping[str, str]] = {"text": "words", "audio": "voice", "video": "face"}
MOST_QUOTED: Final = 6
"""Words of a quote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What a rationale has to tell."""

    label: str
    """The reference label, with which each rationale begins."""
    felt: str
    """What the evidence shows; other than `label` only where labels drift."""
    cited: tuple[str, ...]
    """The modalities that are cited, the strongest first; none where only the turns before tell."""
    quotes: Mapping[str, tuple[str, ...]]
    """Cited modality to what is quoted of it."""
    quiet: tuple[str, ...]
    """The other modalities that there are."""
    masked: bool
    earlier: tuple[str, ...]
    """What the patient felt in the turns before, the first one first."""
    shown_before: str | None
    """The strongest modality of the patient's turn before."""


def rationales(account: Account) -> dict[str, str]:
    """Return one rationale per family."""
    told = {"temporal": _temporal(account), "evidence": _evidence(account), "evolution": _evolution(account)}
    return {family: f"{account.label.capitalize()}. {text}" for family, text in told.items()}


def _evidence(account: Account) -> str:
    if not account.cited:
        return (
            f"No modality of this turn shows it; the turns before are the strongest evidence: "
            f"there the {_noun(account.shown_before)} showed {account.felt}."
        )
    if account.felt == "neutral":
        return f"No modality stands out: {_all_calm(account)}. Only together do they tell it."
    strongest, *others = account.cited
    verb = "are" if strongest == "text" else "is"
    first = f"The {NOUNS[strongest]} {verb} the strongest evidence: {_detail(account, strongest)}."
    return " ".join([first, *_agreeing(account, others), *_quiet(account)])


def _temporal(account: Account) -> str:
    if not account.cited:
        return (
            f"The answer adds nothing new, so the {account.felt} of the turns before holds; "
            f"the {_noun(account.shown_before)} showed it there."
        )
    if account.felt == "neutral":
        return f"{_since(account)}, {_all_calm(account)}; nothing in this turn moves."
    shown = "; ".join(_shows(account, modality) for modality in account.cited[:2])
    return " ".join([f"{_since(account)}, {shown}.", *_quiet(account)])


def _evolution(account: Account) -> str:
    course = _course(account)
    if not account.cited:
        return f"{course}, and this short answer leaves it there; nothing in it stands out, the turns before tell."
    if account.felt == "neutral":
        return f"{course}; now {_all_calm(account)}, and nothing stands out."
    return " ".join([f"{course}; now {_shows(account, account.cited[0])}.", *_quiet(account)])


def _since(account: Account) -> str:
    """Return how this turn stands to the one before."""
    if not account.earlier:
        return "At the start of the conversation"
    if account.earlier[-1] == account.felt:
        return f"With {_state(account.felt)} in the turn before as well"
    return f"After {_state(account.earlier[-1])} in the turn before"


def _course(account: Account) -> str:
    """Return the course of the emotion with repetitions left out."""
    path = [*account.earlier, account.felt]
    steps = [label for i, label in enumerate(path) if i == 0 or label != path[i - 1]]
    if len(path) == 1:
        return f"The conversation starts with {_state(account.felt)}"
    if len(steps) == 1:
        return f"The {_state(account.felt)} has lasted since the first turn"
    return f"The emotion went from {' to '.join(_state(step) for step in steps)}"


def _shows(account: Account, modality: str) -> str:
    verb = {"text": "say", "audio": "has", "video": "shows"}[modality]
    return f"the {NOUNS[modality]} {verb} {_detail(account, modality)}"


def _detail(account: Account, modality: str) -> str:
    quotes = account.quotes[modality]
    if modality == "text":
        return f'"{_short(quotes[0])}"'
    return " and ".join(quotes)


def _short(quote: str) -> str:
    return " ".join(quote.split()[:MOST_QUOTED]).rstrip(",.;!?")


def _agreeing(account: Account, others: Sequence[str]) -> list[str]:
    if not others:
        return []
    verb = "agree" if len(others) > 1 or others[0] == "text" else "agrees"
    return [f"The {_listed(others)} {verb}."]


def _quiet(account: Account) -> list[str]:
    """Say what carries nothing."""
    said = []
    if account.masked and "text" in account.quiet:
        said.append("The words are only polite.")
    rest = [modality for modality in account.quiet if not (account.masked and modality == "text")]
    if rest:
        verb = "stay" if len(rest) > 1 or rest[0] == "text" else "stays"
        said.append(f"The {_listed(rest)} {verb} neutral.")
    return said


def _all_calm(account: Account) -> str:
    calm = {"text": "plain words", "audio": "an even voice", "video": "a relaxed face"}
    parts = [calm[modality] for modality in ("text", "audio", "video") if modality in account.cited]
    return _and(parts)


def _listed(modalities: Sequence[str]) -> str:
    return _and([NOUNS[modality] for modality in NOUNS if modality in modalities])


def _and(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def _noun(modality: str | None) -> str:
    return NOUNS[modality or "text"]


def _state(label: str) -> str:
    return "calm" if label == "neutral" else label
