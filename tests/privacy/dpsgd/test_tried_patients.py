"""Whether a model may be trained is tried on patients who are not trained on, as long as there are any."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from affidavit.corpus import Corpus
from privacy.dpsgd.options import PrivateOptions
from privacy.dpsgd.units import parts_of


@pytest.mark.parametrize("unit", ["patient", "utterance"])
def test_a_model_is_tried_on_held_out_patients_alone(unit: str, make_clinic: Callable[..., Corpus]) -> None:
    told = {"noise_multiplier": 1.0, "delta": 1e-5, "steps": 1, "unit": unit}
    options = PrivateOptions.model_validate({**told, "held_out": 0.3})
    parts = parts_of(make_clinic((3, 2, 4, 5, 2, 3, 3, 2)), options)
    tried = {turn.unit for row in parts.probes(options) for turn in row}
    assert tried == set(parts.held_out)
    assert tried
    nobody = PrivateOptions.model_validate({**told, "held_out": 0.0})
    everybody = parts_of(make_clinic((3, 2)), nobody)
    assert {turn.unit for row in everybody.probes(nobody) for turn in row} == set(everybody.train)
