"""A set is called enough where that is shown, and not where it is merely possible."""

from __future__ import annotations

from privacy.minimisation.examination import EXAMINATION
from privacy.minimisation.losses import SIZE
from tests.privacy.minimisation.test_examination import ONLY_WORDS, asked, table


def test_a_set_that_may_be_enough_is_not_called_so_where_patients_are_few() -> None:
    claims = EXAMINATION.examine(asked(table(ONLY_WORDS, units=8, each=4))).claims
    (found,) = [c.finding for c in claims if c.finding.metric == SIZE and not c.finding.groups]
    assert found.estimate.value == 1, "the words lose next to nothing of those who were looked at"
    assert found.estimate.interval is not None
    assert found.estimate.interval.high == 3
    assert not any("shown to be enough: T" in said and "TAV" not in said for said in found.caveats)
    assert any("TAV stays" in said for said in found.caveats)
