"""Whatever happens inside a site, no text of an exception leaves it: such a text may quote a patient."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flwr.app import Message, RecordDict

from affidavit.errors import PlanError
from federated.sites.app import answered
from federated.updates.local import SiteLeavesError
from federated.updates.messages import UnusableReplyError

SECRET = "patient 4711 said that"


def raising(error: Exception) -> Callable[[], RecordDict]:
    def made() -> RecordDict:
        raise error

    return made


@pytest.mark.parametrize(
    ("error", "slug"),
    [
        (ValueError(SECRET), "site-failed"),
        (KeyError(SECRET), "site-failed"),
        (PlanError(SECRET, slug="plan-invalid", where=SECRET, found=SECRET), "plan-invalid"),
    ],
)
def test_what_was_not_expected_leaves_as_a_slug_and_stays_in_the_sites_log(
    error: Exception, slug: str, caplog: pytest.LogCaptureFixture
) -> None:
    asked = Message(content=RecordDict(), dst_node_id=1, message_type="train.round")
    with caplog.at_level("ERROR", logger="affidavit.site"):
        reply = answered(asked, raising(error))
    assert not reply.has_error()
    told = repr({name: dict(record) for name, record in reply.content.items()})
    assert slug in told
    assert "4711" not in told
    assert "4711" in caplog.text


@pytest.mark.parametrize("error", [SiteLeavesError("budget-spent", "no room"), UnusableReplyError("it does not read")])
def test_what_was_expected_leaves_in_its_own_words(error: Exception) -> None:
    asked = Message(content=RecordDict(), dst_node_id=1, message_type="train.round")
    told = repr({name: dict(record) for name, record in answered(asked, raising(error)).content.items()})
    assert str(error) in told
    assert ("leaves" in told) == isinstance(error, SiteLeavesError)
