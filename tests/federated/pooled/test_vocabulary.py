"""Which values a plan has to list: named over the floor only, by file and by message, and what is missing said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.app.user_config import UserConfig
from flwr.clientapp import ClientApp

from affidavit.errors import EXIT_DONE, AffidavitError, PlanError, RowError, TableError
from affidavit.federated_audits import AuditFlags
from affidavit.predictions import Predictions, predictions_from
from affidavit.tables import from_frame
from federated.in_process.grid import InProcessGrid, server_identity
from federated.pooled.commands import federated_audit
from federated.pooled.counts_plan import read_counts_plan
from federated.pooled.vocabulary import (
    Draft,
    Vocabulary,
    not_listed,
    patients_by_value,
    plan_from,
    read_draft,
    read_vocabulary,
    reading_of_draft,
    vocabulary_of,
)
from federated.pooled.vocabulary_asking import add_vocabulary, ask_vocabulary
from federated.rounds.waiting import MonotonicClock
from federated.updates.local import SiteLeavesError
from tests.federated.pooled.conftest import ACCENTS, AGES, LABELS, SITES, counts_of, hospital, plan_of, read

DRAFT = Draft(run="model", sites=SITES, features=("accent", "age"), floor=11, more={"depth": 1, "seed": 3})
TABLES = {site: hospital(site, n_patients=40, seed=i) for i, site in enumerate(SITES)}
NODES: dict[int, UserConfig] = {11: {"site": "north"}, 12: {"site": "south"}, 13: {"site": "west"}}


@pytest.fixture(autouse=True)
def _server() -> Iterator[None]:
    with server_identity():
        yield


def drafted(site: str, draft: Draft = DRAFT) -> Predictions:
    return predictions_from(from_frame(TABLES[site]), reading_of_draft(draft, columns={}))


def test_patients_are_counted_as_by_hand() -> None:
    frame = TABLES["north"]
    found = patients_by_value(drafted("north"), ("accent", "age"))
    for accent in ACCENTS:
        assert found["features.accent", accent] == frame[frame["accent"] == accent]["unit_id"].nunique()
    for label in LABELS:
        either = frame[(frame["y_true"] == label) | (frame["y_pred"] == label)]
        assert found["labels", label] == either["unit_id"].nunique()
    assert found["conditions", "TAV"] == frame["unit_id"].nunique()


def test_a_value_that_few_patients_have_is_not_named_and_its_part_is() -> None:
    frame = TABLES["north"].copy()
    few = frame["unit_id"].unique()[:4]
    frame.loc[frame["unit_id"].isin(few), "accent"] = "Manx"
    predictions = predictions_from(from_frame(frame), reading_of_draft(DRAFT, columns={}))
    named = vocabulary_of(predictions, DRAFT, site="north")
    assert "Manx" not in named.model_dump_json()
    assert "features.accent" in named.unnamed
    assert named.features["age"] == AGES
    assert set(named.labels) == set(LABELS)
    listed = plan_of()
    frame_plan = predictions_from(from_frame(frame), reading_of_draft(DRAFT, columns={}))
    assert not_listed(frame_plan, listed) == {"accent": {"Manx": 4}}


def test_the_plan_lists_what_some_site_named_in_the_order_of_tables() -> None:
    named = [vocabulary_of(drafted(site), DRAFT, site=site) for site in SITES]
    plan = plan_from(DRAFT, named)
    assert plan.conditions == ("TAV", "T")
    assert plan.labels == LABELS
    assert plan.features == {"accent": ACCENTS, "age": AGES}
    assert (plan.depth, plan.seed, plan.floor) == (1, 3, 11)
    assert counts_of(TABLES["west"], plan, site="west").cells


def test_vocabularies_that_do_not_fit_are_refused() -> None:
    named = vocabulary_of(drafted("north"), DRAFT, site="north")
    for wrong in (
        [named, named],
        [named.model_copy(update={"draft": "sha256:other"})],
        [named.model_copy(update={"site": "east"})],
        [],
    ):
        with pytest.raises(PlanError):
            plan_from(DRAFT, wrong)
    with pytest.raises(PlanError, match="does not name this site"):
        vocabulary_of(drafted("north"), DRAFT, site="east")
    for content in (b"{", b"[]", b"{}", b"[" * 5000):
        with pytest.raises(TableError):
            read_vocabulary(content, where="north")


def test_through_flower_names_belong_to_the_node_that_said_them_first() -> None:
    def tell(draft: Draft, context: Context) -> Vocabulary:
        site = str(context.node_config["site"])
        if site == "west":
            raise SiteLeavesError("plan-not-approved", "this site's officer did not approve this draft")
        own = vocabulary_of(drafted(site, draft), draft, site=site)
        return own.model_copy(update={"site": "north"})  # south speaks as north

    app = ClientApp()
    add_vocabulary(app, tell)
    grid = InProcessGrid(app, NODES)
    named = ask_vocabulary(grid, DRAFT, [*NODES, 99], deadline=30, clock=MonotonicClock())
    assert named.sites == {"north": 11}
    assert "another node" in named.refused[12]
    assert "plan-not-approved" in named.refused[13]
    assert 99 in {*named.refused, *named.silent}
    assert named.plan().labels == LABELS
    for content in (RecordDict(), RecordDict({"draft": ConfigRecord({"json": b"{"})})):
        (reply,) = grid.send_and_receive([Message(content, 11, "evaluate.vocabulary")])
        assert "refuses" in reply.content


def test_by_file_a_draft_becomes_a_plan_that_sites_count_by(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draft = {"run": "model", "sites": list(SITES), "features": ["accent", "age"], "floor": 11, "depth": 1}
    (tmp_path / "draft.yaml").write_text(yaml.safe_dump(draft), encoding="utf-8")
    files = []
    for site, frame in TABLES.items():
        frame.to_csv(tmp_path / f"{site}.csv", index=False)
        files.append(tmp_path / f"{site}.vocabulary.json")
        flags = AuditFlags(site=site, out=files[-1])
        assert (
            federated_audit("vocabulary", tmp_path / "draft.yaml", [tmp_path / f"{site}.csv"], flags=flags) == EXIT_DONE
        )
    flags = AuditFlags(out=tmp_path / "plan.yaml")
    assert federated_audit("plan", tmp_path / "draft.yaml", files, flags=flags) == EXIT_DONE
    said = capsys.readouterr().out
    assert "joy" in said
    plan = read_counts_plan(tmp_path / "plan.yaml")
    assert plan.digest in said
    assert plan.features["accent"] == ACCENTS
    flags = AuditFlags(site="north", out=tmp_path / "north.counts.json")
    assert federated_audit("count", tmp_path / "plan.yaml", [tmp_path / "north.csv"], flags=flags) == EXIT_DONE
    with pytest.raises(AffidavitError, match="already"):
        federated_audit("plan", tmp_path / "draft.yaml", files, flags=AuditFlags(out=tmp_path / "plan.yaml"))


@pytest.mark.parametrize("document", [[1], {"run": "model"}, {"run": "m", "sites": ["a"], "labels": ["x", "y"]}])
def test_a_draft_that_is_none_is_said_so(tmp_path: Path, document: object) -> None:
    path = tmp_path / "draft.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    with pytest.raises(PlanError, match="draft"):
        read_draft(path)


def test_counting_says_which_levels_are_unlisted_and_which_labels_are_unknown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = plan_of(features={"accent": ACCENTS[:2], "age": AGES}, floor=11)
    (tmp_path / "plan.yaml").write_text(yaml.safe_dump(plan.model_dump(mode="json")), encoding="utf-8")
    TABLES["north"].to_csv(tmp_path / "north.csv", index=False)
    flags = AuditFlags(site="north", out=tmp_path / "north.counts.json")
    federated_audit("count", tmp_path / "plan.yaml", [tmp_path / "north.csv"], flags=flags)
    welsh = TABLES["north"][TABLES["north"]["accent"] == "Welsh"]["unit_id"].nunique()
    assert f"accent: Welsh ({welsh} patients)" in capsys.readouterr().err
    with pytest.raises(RowError, match="surprise"):
        counts_of(TABLES["north"].assign(y_pred="surprise"), plan_of())
    assert np.all(read(TABLES["north"], plan_of()).labels == LABELS)
