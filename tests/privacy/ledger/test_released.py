"""An epsilon leaves the house with all that it is true of, or it is no epsilon."""

from __future__ import annotations

from pathlib import Path

import pytest

from affidavit.disclosure.texts import WITHHELD_TEXT, Words
from privacy.ledger.book import read_book
from privacy.ledger.events import RunFacts, StepEvent, Unit
from privacy.ledger.ledger import Ledger
from privacy.ledger.spending import spent_at
from privacy.ledger.words import promise

STEP = StepEvent(noise_multiplier=4.0, sample_rate=0.1, clip_norm=1.0, sampler="poisson", neighbours="add-remove")
WORDS = Words(withheld=frozenset(), names=frozenset({"north"}))


def told(path: Path, *, unit: Unit, n_units: int, delta: float) -> tuple[str, ...]:
    facts = RunFacts(n_units=n_units)
    with Ledger.opened(path, site="north", unit=unit, run="first", budget=None, facts=facts) as ledger:
        ledger.confirm(ledger.intend(STEP))
        ledger.intend(STEP)
    return promise(spent_at(read_book(path), site="north", unit=unit, delta=delta))


@pytest.mark.parametrize("unit", ["patient", "utterance"])
def test_what_an_epsilon_is_true_of_is_released_with_it(unit: Unit, tmp_path: Path) -> None:
    said = told(tmp_path / "l.jsonl", unit=unit, n_units=5000, delta=1e-5)
    assert WORDS.kept(said) == said
    whole = " ".join(said)
    assert all(
        term in whole for term in ("delta 1e-05", f"unit: {unit}", "2 steps, 1 of them", "Opacus PRV", "Poisson")
    )
    assert ("not the patient who spoke it" in whole) == (unit == "utterance")


def test_a_number_of_people_beside_a_delta_is_withheld_as_ever(tmp_path: Path) -> None:
    said = told(tmp_path / "l.jsonl", unit="patient", n_units=7, delta=0.5)
    assert any("7 patients" in text for text in said)
    assert not any("7 patients" in text for text in WORDS.kept(said))
    assert WITHHELD_TEXT in WORDS.kept(said)
    assert not WORDS.harmless("delta 0.001 in 30 steps, of 8 patients")
