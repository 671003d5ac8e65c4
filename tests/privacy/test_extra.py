from __future__ import annotations

import pytest

from affidavit.errors import MissingPartError
from privacy import extra
from privacy.accounting.accountants import account
from privacy.accounting.mechanisms import SubsampledGaussian


def test_without_the_extra_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda name: None if name == "dp_accounting" else object())
    with pytest.raises(MissingPartError, match="dp_accounting: not installed") as caught:
        extra.require_extra()
    assert "affidavit[privacy]" in str(caught.value)


def test_accounting_asks_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda name: None)
    step = SubsampledGaussian(
        noise_multiplier=1.37, sample_rate=0.0317, sampler="poisson", neighbours="add-remove", n_times=3
    )
    with pytest.raises(MissingPartError):
        account((step,), delta=1e-5)
