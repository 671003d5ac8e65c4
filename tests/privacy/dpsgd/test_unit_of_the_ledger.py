"""Who is protected is written into the ledger too: an epsilon for turns is never one for patients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from affidavit.corpus import Corpus
from affidavit.protocols import silent
from privacy.accounting.answers import Unbounded
from privacy.dpsgd.trainer import TRAINER
from privacy.ledger.book import read_book
from privacy.ledger.spending import spent_at

PRIVATE: Final[dict[str, Any]] = {"noise_multiplier": 5.0, "delta": 1e-4, "steps": 2, "sample_rate": 0.5}


@pytest.mark.slow  # trains several models
@pytest.mark.parametrize("unit", ["patient", "utterance"])
def test_the_ledger_accounts_for_the_unit_that_was_clipped(
    unit: str, toy: Callable[[], Any], make_clinic: Callable[..., Corpus], tmp_path: Path
) -> None:
    options, folder = {**PRIVATE, "unit": unit, "site": "north"}, tmp_path / "seed-0"
    TRAINER.train(
        toy(), make_clinic((3, 2, 4, 5, 2)), options, folder=folder, rng=np.random.default_rng(0), progress=silent
    )
    book = read_book(tmp_path / "seed-0.ledger.jsonl")
    assert book.units("north") == (unit,)
    told = spent_at(book, site="north", unit="patient", delta=1e-4)
    assert isinstance(told.answer, Unbounded) == (unit == "utterance")
