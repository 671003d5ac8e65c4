"""The scope gate: a table of uses, and what each is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest

from affidavit.report import AuditReport
from reports.law.scope import (
    BAN,
    DEFINITION,
    HIGH_RISK,
    RESEARCH,
    TERRITORY,
    Observed,
    Outcome,
    Place,
    Scope,
    decide,
    in_place,
    observed_in,
)

CLINIC: dict[str, Any] = {
    "places": ["eu"],
    "contexts": ["healthcare"],
    "subjects": ["patients"],
    "modalities": ["text", "voice", "face"],
    "biometric": True,
    "exception": {"kind": "none"},
}
STAFF = {"contexts": ["workplace"], "subjects": ["employees"]}
CLINICIANS = {"subjects": ["patients", "clinicians"]}
PUPILS = {"contexts": ["education"], "subjects": ["students"]}
TEXT = {"modalities": ["text"], "biometric": False}


def medical(*covers: str, evidence: str | None = "certificate 17") -> dict[str, Any]:
    return {"exception": {"kind": "medical", "covers": list(covers), "evidence": evidence}}


def safety(*covers: str, evidence: str | None = "protocol 4") -> dict[str, Any]:
    return {"exception": {"kind": "safety", "covers": list(covers), "evidence": evidence}}


CASES: list[tuple[str, dict[str, Any], Outcome]] = [
    ("patients in care", {}, Outcome.ALLOWED),
    ("customers", {"contexts": ["consumer"], "subjects": ["customers"]}, Outcome.ALLOWED),
    ("the public, by the police", {"contexts": ["law-enforcement"], "subjects": ["public"]}, Outcome.ALLOWED),
    ("staff from voice and face", STAFF, Outcome.PROHIBITED),
    ("staff from the voice alone", STAFF | {"modalities": ["voice"]}, Outcome.PROHIBITED),
    ("staff from heart rate", STAFF | {"modalities": ["body"]}, Outcome.PROHIBITED),
    ("pupils", PUPILS, Outcome.PROHIBITED),
    ("clinicians beside patients", CLINICIANS, Outcome.PROHIBITED),
    ("staff in a shop", {"contexts": ["consumer"], "subjects": ["employees", "customers"]}, Outcome.PROHIBITED),
    ("staff, medical reason", STAFF | medical("employees"), Outcome.ALLOWED),
    ("staff, safety reason", STAFF | safety("employees"), Outcome.ALLOWED),
    ("staff, medical reason, no evidence", STAFF | medical("employees", evidence=None), Outcome.UNANSWERED),
    ("staff, safety reason, no evidence", STAFF | safety("employees", evidence=None), Outcome.UNANSWERED),
    ("pupils, safety reason", PUPILS | safety("students"), Outcome.ALLOWED),
    ("clinicians, reason for patients only", CLINICIANS | medical("patients"), Outcome.PROHIBITED),
    ("clinicians, reason for them", CLINICIANS | medical("clinicians"), Outcome.ALLOWED),
    ("patients, claimed without evidence", medical("patients", evidence=None), Outcome.ALLOWED),
    ("staff from text alone", STAFF | TEXT, Outcome.ALLOWED),
    ("clinicians from text alone", CLINICIANS | TEXT, Outcome.ALLOWED),
    ("staff outside the Union", STAFF | {"places": ["us"]}, Outcome.ALLOWED),
    ("staff in the Union and elsewhere", STAFF | {"places": ["us", "eu"]}, Outcome.PROHIBITED),
    ("staff, whatever else is unanswered", STAFF | {"contexts": None}, Outcome.PROHIBITED),
    ("a workplace with customers only", {"contexts": ["workplace"], "subjects": ["customers"]}, Outcome.UNANSWERED),
    ("a school with the public only", {"contexts": ["education"], "subjects": ["public"]}, Outcome.UNANSWERED),
    ("voice, said to be no biometric data", {"biometric": False}, Outcome.UNANSWERED),
    ("staff from voice, said to be none", STAFF | {"biometric": False}, Outcome.PROHIBITED),
    ("text, said to be biometric", {"modalities": ["text"]}, Outcome.UNANSWERED),
    ("places unanswered", {"places": None}, Outcome.UNANSWERED),
    ("context unanswered", {"contexts": None}, Outcome.UNANSWERED),
    ("subjects unanswered", {"subjects": None}, Outcome.UNANSWERED),
    ("modalities unanswered", {"modalities": None}, Outcome.UNANSWERED),
    ("biometric unanswered", {"biometric": None}, Outcome.UNANSWERED),
    ("exception unanswered", {"exception": None}, Outcome.UNANSWERED),
    ("staff, exception unanswered", STAFF | {"exception": None}, Outcome.UNANSWERED),
    ("nothing answered", dict.fromkeys(CLINIC), Outcome.UNANSWERED),
]


@pytest.mark.parametrize(("use", "outcome"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_use(use: dict[str, Any], outcome: Outcome) -> None:
    decision = decide(Scope.model_validate(CLINIC | use))
    assert decision.outcome is outcome
    assert decision.reasons


def decided(use: dict[str, Any], **observed: Any) -> Any:
    return decide(Scope.model_validate(CLINIC | use), Observed.model_validate(observed))


def test_a_prohibited_use_cites_the_ban_and_names_the_people() -> None:
    decision = decided(CLINICIANS)
    assert [reason.requirement for reason in decision.reasons] == [BAN]
    assert "clinicians" in decision.reasons[0].says
    assert "people at work" in decision.reasons[0].text
    assert "Article 5(1)(f)" in decision.reasons[0].text


def test_everybody_protected_is_named() -> None:
    decision = decided({"contexts": ["workplace", "education"], "subjects": ["employees", "students"]})
    assert len(decision.reasons) == 2


def test_an_exception_covers_those_it_was_claimed_for() -> None:
    decision = decided({"subjects": ["clinicians", "employees"]} | medical("employees"))
    assert decision.outcome is Outcome.PROHIBITED
    assert "clinicians" in decision.reasons[0].says
    assert "claimed for employees only" in decision.reasons[0].says


def test_a_claimed_exception_is_an_argument_and_no_verdict() -> None:
    (argument,) = decided(STAFF | medical("employees")).arguments
    assert argument.requirement == BAN
    assert "nobody here judged" in argument.says


def test_text_alone_is_an_argument_with_the_definition() -> None:
    decision = decided(STAFF | TEXT)
    (argument,) = decision.arguments
    assert argument.requirement == DEFINITION
    assert "can be disputed" in argument.says
    assert decision.biometric is False


def test_outside_the_union_and_research_are_arguments() -> None:
    assert [one.requirement for one in decided(STAFF | {"places": ["elsewhere"]}).arguments] == [TERRITORY]
    assert [one.requirement for one in decided({"contexts": ["research"]}).arguments] == [RESEARCH]
    assert decided({"contexts": ["research", "healthcare"]}).arguments == ()


def test_research_lifts_no_ban() -> None:
    assert decided({"contexts": ["research"], "subjects": ["employees"]}).outcome is Outcome.PROHIBITED


def test_what_is_allowed_is_said_to_be_high_risk() -> None:
    assert HIGH_RISK in [reason.requirement for reason in decided({}).reasons]
    assert HIGH_RISK not in [reason.requirement for reason in decided(TEXT).reasons]


def test_judged_clinicians_count_whatever_was_answered() -> None:
    decision = decided({}, subjects=["clinicians"])
    assert decision.outcome is Outcome.PROHIBITED
    assert any("whom the answers do not name" in reason.says for reason in decision.reasons)


def test_a_heard_voice_counts_whatever_was_answered() -> None:
    assert decided(STAFF | TEXT, modalities=["voice"]).outcome is Outcome.PROHIBITED
    assert decided(TEXT, modalities=["voice"]).outcome is Outcome.UNANSWERED


def uses() -> Iterator[dict[str, Any]]:
    """Yield every combination of a few answers to each question, unanswered among them."""
    choices: dict[str, list[Any]] = {
        "places": [None, ["eu"], ["us"]],
        "contexts": [None, ["healthcare"], ["workplace"], ["education"]],
        "subjects": [None, ["patients"], ["clinicians"], ["students"], ["patients", "employees"]],
        "modalities": [None, ["text"], ["voice"]],
        "biometric": [None, True, False],
        "exception": [
            None,
            {"kind": "none"},
            {"kind": "medical", "covers": ["clinicians"], "evidence": "certificate 17"},
            {"kind": "safety", "covers": ["students"]},
        ],
    }
    for values in product(*choices.values()):
        yield dict(zip(choices, values, strict=True))


OBSERVED = [
    Observed.model_validate(one)
    for one in (
        {},
        {"subjects": ["clinicians"]},
        {"modalities": ["voice"]},
        {"modalities": ["face"], "subjects": ["students"]},
    )
]


def test_of_all_combinations_none_opens_by_what_is_unknown_or_seen() -> None:
    outcomes: Counter[Outcome] = Counter()
    for use in uses():
        scope = Scope.model_validate(use)
        bare, *seen = [decide(scope, observed) for observed in OBSERVED]
        outcomes[bare.outcome] += 1
        if None in use.values():
            assert bare.outcome is not Outcome.ALLOWED, use
        for decision in seen:
            if bare.outcome is Outcome.PROHIBITED:
                assert decision.outcome is Outcome.PROHIBITED, use
            if bare.outcome is Outcome.UNANSWERED:
                assert decision.outcome is not Outcome.ALLOWED, use
        assert (bare.outcome is Outcome.PROHIBITED) == any(
            reason.requirement == BAN and "would be inferred" in reason.says for reason in bare.reasons
        )
    assert set(outcomes) == set(Outcome)


def test_what_the_answers_name_changes_nothing() -> None:
    assert decided({}, subjects=["patients"], modalities=["text", "voice"]) == decided({})


def test_new_york_is_in_the_us() -> None:
    scope = Scope(places=(Place.NEW_YORK_CITY,))
    assert (in_place(scope, Place.US), in_place(scope, Place.EU)) == (True, False)
    assert in_place(Scope(), Place.EU) is None


def test_a_report_shows_modalities_and_roles(planted: Callable[..., AuditReport]) -> None:
    report = planted({"groups": {"role": "Clinician"}}, {"groups": {"role": "patient", "age": "60+"}}, {})
    data = report.data[0].model_copy(update={"conditions": ("T", "TA/noise=10dB", "as-supplied", "not a condition")})
    observed = observed_in(report.model_copy(update={"data": (data,)}))
    assert observed == Observed.model_validate(
        {"subjects": ["patients", "clinicians"], "modalities": ["text", "voice"]}
    )


def test_a_level_that_only_looks_like_a_role_is_none(planted: Callable[..., AuditReport]) -> None:
    assert observed_in(planted({"groups": {"accent": "clinician"}})).subjects == ()
