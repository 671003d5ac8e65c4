"""What a criterion binds is said in words."""

import pytest

from affidavit.policy import Criterion
from reports.sections.criteria import _binds


@pytest.mark.parametrize(
    ("conditions", "said"),
    [("fullest", "fullest condition"), (("A", "TAV"), "conditions A, TAV"), (None, "2 findings")],
)
def test_conditions_in_words(conditions: tuple[str, ...] | str | None, said: str) -> None:
    criterion = Criterion.model_validate(
        {"id": "c", "metric": "m", "at_most": 0.1, "source": "s", "conditions": conditions, "intersections": False}
    )
    assert _binds(criterion, 2).startswith(said if conditions else "no intersections")
