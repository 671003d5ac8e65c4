"""States of unlike lengths, and those that are lacking, are said."""

from __future__ import annotations

import numpy as np

from privacy.probes.states import _source


def test_what_was_made_of_unlike_lengths_and_what_is_lacking_is_said() -> None:
    source = _source("audio", {0: np.arange(3.0), 2: np.arange(4.0)}, (), n=3)
    assert source.vectors.shape == (2, 4)
    assert any("of unlike lengths" in said for said in source.caveats)
    assert "1 of 3 utterances have none of it" in source.caveats
    assert not _source("audio", {0: np.arange(3.0)}, (), n=1).caveats
