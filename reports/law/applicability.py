"""Whether a requirement applies: yes, no or unknown, from the answers about use, with the reason in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from reports.law.pack import AppliesWhen, Requirement
from reports.law.scope import Scope, ScopeDecision, in_place


class Applies(StrEnum):
    """Whether a requirement speaks of this use."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicability:
    """The answer and its reason."""

    applies: Applies
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """One condition: whether it holds (None: nobody said), and what it is, as it reads when it holds and when not."""

    holds: bool | None
    yes: str
    no: str
    asked: str


def applicability(requirement: Requirement, scope: Scope, decision: ScopeDecision) -> Applicability:
    """Return whether a requirement applies; one condition that fails is enough for no, one unknown for unknown."""
    held = tuple(_conditions(requirement.applies_when, scope, decision))
    if failed := [one.no for one in held if one.holds is False]:
        return Applicability(applies=Applies.NO, why="; ".join(failed))
    if untold := [one.asked for one in held if one.holds is None]:
        return Applicability(applies=Applies.UNKNOWN, why=f"nobody answered {' and '.join(untold)}")
    return Applicability(applies=Applies.YES, why="; ".join(one.yes for one in held) or "speaks of every use")


def _conditions(when: AppliesWhen, scope: Scope, decision: ScopeDecision) -> Iterator[_Held]:
    if when.places is not None:
        known = [in_place(scope, place) for place in when.places]
        holds = None if None in known else any(known)
        names = " or ".join(when.places)
        yield _Held(holds=holds, yes=f"used in {names}", no=f"not used in {names}", asked="places")
    if when.contexts is not None:
        yield _any_of(when.contexts, scope.contexts, "context")
    if when.subjects is not None:
        yield _any_of(when.subjects, scope.subjects, "subjects")
    if when.biometric is not None:
        yield _of_body(decision, wanted=when.biometric)
    for circumstance in when.circumstances or ():
        name = circumstance.replace("-", " ")
        answer = scope.circumstances.get(circumstance)
        yield _Held(holds=answer, yes=name, no=f"no {name}", asked=f"circumstances: {circumstance}")


def _any_of(wanted: tuple[str, ...], answered: tuple[str, ...] | None, question: str) -> _Held:
    holds = None if answered is None else any(one in wanted for one in answered)
    names = " or ".join(wanted)
    return _Held(holds=holds, yes=f"{question}: {names}", no=f"{question}: not {names}", asked=question)


def _of_body(decision: ScopeDecision, *, wanted: bool) -> _Held:
    some, none = "emotions are inferred from biometric data", "emotions are inferred from no biometric data"
    return _Held(
        holds=None if decision.biometric is None else decision.biometric is wanted,
        yes=some if wanted else none,
        no=none if wanted else some,
        asked="modalities or biometric",
    )
