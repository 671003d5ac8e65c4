"""A site's node and audits: approved files only, limits that bind whatever the plan says, one answer, paid for once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from flwr.app import ConfigRecord, Context, Message, RecordDict
from flwr.app.user_config import UserConfig

from affidavit.digests import canonical_json
from affidavit.errors import FederationError, PlanError
from federated.client_app import app as client_app
from federated.deployment.approvals import refuse
from federated.deployment.node import FOLDER
from federated.deployment.readiness import readiness
from federated.entry.audit_plan import read_federated_audit
from federated.entry.audit_site import counted as counted_at
from federated.entry.places import OWN_AUDIT
from federated.in_process.grid import server_identity
from federated.pooled.contribution import SiteCounts, read_counts
from federated.pooled.counts_plan import CountsPlan
from federated.pooled.secure_messages import TYPES
from federated.pooled.vocabulary import Draft, read_vocabulary
from federated.record.audit_entries import AuditRefused
from federated.record.entries import Received
from federated.record.log import read_log
from federated.updates.local import SiteLeavesError
from privacy.ledger.book import Book, book_of
from tests.federated.entry import audits
from tests.federated.entry.audits import NOISE, SITES, WORD, Audited, audited, counted, drafted

ROOT = Path(__file__).parents[3]
BUDGET = {"epsilon": 3.0, "delta": 1e-3}
NOISED = {"told": "noised", "noise": NOISE}


@pytest.fixture(autouse=True)
def _server() -> Iterator[None]:
    with server_identity():
        yield


def context(one: Audited, site: str = "north") -> Context:
    config: UserConfig = {FOLDER: str(one.folder / site)}
    return Context(run_id=1, node_id=2, node_config=config, state=RecordDict(), run_config={})


def plan_at(one: Audited, site: str = "north") -> CountsPlan:
    plan = read_federated_audit(one.house(site).folder / OWN_AUDIT).audit
    assert isinstance(plan, CountsPlan)
    return plan


def answer(one: Audited, kind: str, asked: CountsPlan | Draft, *, site: str = "north") -> Message:
    name = "draft" if isinstance(asked, Draft) else "plan"
    content = RecordDict({name: ConfigRecord({"json": canonical_json(asked.model_dump(mode="json"))})})
    message = Message(content, 2, kind)
    message.metadata.__dict__["_message_id"] = "1"
    return client_app(message, context(one, site))


def declined(reply: Message) -> str:
    records = reply.content.config_records
    return str(records["leaves" if "leaves" in records else "refuses"]["slug"])


def sums(reply: Message) -> SiteCounts:
    written = reply.content.config_records["sums"]["json"]
    assert isinstance(written, bytes)
    return read_counts(written, where="reply")


def ledger(one: Audited, site: str = "north") -> Book:
    from affidavit.hash_chain import read_chain

    path = one.folder / site / "ledger.jsonl"
    return book_of(read_chain(path).links, where=str(path)) if path.exists() else Book()


def spendings(one: Audited, site: str = "north") -> int:
    return sum(len(run.steps) for run in ledger(one, site).runs.values())


def test_what_is_not_approved_is_not_counted_and_not_named(tmp_path: Path) -> None:
    one = audited(tmp_path, counted())
    one.deployed(approved=False)
    for kind in ("query.audit", "evaluate.counts"):
        assert declined(answer(one, kind, plan_at(one))) == "plan-not-approved"
    assert one.sent("north") == []
    assert not list((one.folder / "north" / "private").rglob("*.json"))


@pytest.mark.parametrize("kind", ["query.audit", "evaluate.vocabulary", "evaluate.counts", *TYPES.values()])
def test_each_question_of_an_audit_is_written_down_and_declined_without_an_approved_file(
    tmp_path: Path, kind: str
) -> None:
    one = audited(tmp_path)
    one.deployed()
    plan = plan_at(one)
    (one.house("north").folder / OWN_AUDIT).unlink()
    asked = Draft(run="model", sites=SITES) if kind == "evaluate.vocabulary" else plan
    assert declined(answer(one, kind, asked)) == "plan-not-approved"
    assert [entry.what for entry in one.log("north").of(Received)] == [kind]
    assert one.sent("north") == []


def test_an_approval_taken_back_binds_also_what_was_answered_before(tmp_path: Path) -> None:
    one = audited(tmp_path)
    one.deployed()
    answer(one, "evaluate.counts", plan_at(one))
    refuse(one.house("north"), str(one.house("north").folder / OWN_AUDIT), word=WORD)
    assert declined(answer(one, "evaluate.counts", plan_at(one))) == "plan-not-approved"
    assert one.sent("north") == ["evaluate.counts"]


def test_a_file_changed_after_its_approval_is_not_answered(tmp_path: Path) -> None:
    one = audited(tmp_path)
    one.deployed()
    path = one.house("north").folder / OWN_AUDIT
    path.write_text(path.read_text(encoding="utf-8") + "\n# a word more\n", encoding="utf-8")
    assert declined(answer(one, "evaluate.counts", plan_at(one))) == "plan-not-approved"


def test_another_plan_than_the_approved_one_is_not_answered(tmp_path: Path) -> None:
    one = audited(tmp_path)
    one.deployed()
    other = plan_at(one).model_copy(update={"title": "Another"})
    for kind in ("query.audit", "evaluate.counts"):
        assert declined(answer(one, kind, other)) == "plan-not-approved"


@pytest.mark.parametrize(
    ("plan", "policy", "slug"),
    [
        (counted(), {"examinations": []}, "examination-not-allowed"),
        (counted(), {"examinations": ["model-comparison"]}, "examination-not-allowed"),
        (counted(), {"exact_sums": "never"}, "plan-unprotected"),
        (counted(), {"exact_sums": "secure"}, "plan-unprotected"),
        (counted(told="secure"), {"exact_sums": "never"}, "plan-unprotected"),
        (counted(told="secure"), {"floor": 12}, "plan-unprotected"),
        (counted(**NOISED), {}, "plan-unprotected"),
        (counted(**NOISED), {"budget": {"epsilon": 3.0, "delta": 1e-5}}, "plan-unprotected"),
        (counted(**NOISED), {"budget": {"epsilon": 1.9, "delta": 1e-4}}, "budget-spent"),
        (counted(told="secure", noise=NOISE), {"budget": {"epsilon": 1.9, "delta": 1e-4}}, "budget-spent"),
    ],
)
def test_the_sites_limits_bind_whatever_the_plan_says(
    tmp_path: Path, plan: dict[str, Any], policy: dict[str, Any], slug: str
) -> None:
    one = audited(tmp_path, plan)
    one.deployed(**policy)
    for kind in ("query.audit", "evaluate.counts"):
        assert declined(answer(one, kind, plan_at(one))) == slug
    assert one.sent("north") == []
    assert spendings(one) == 0


@pytest.mark.parametrize("plan", [counted(), counted(told="secure"), counted(**NOISED)])
def test_a_site_with_fewer_patients_than_its_floor_sends_nothing(tmp_path: Path, plan: dict[str, Any]) -> None:
    one = audited(tmp_path, {**plan, "floor": 21}, quorum=3)
    one.deployed(floor=21, budget=BUDGET)  # south has twenty
    with pytest.raises(FederationError):
        one.run()
    assert "too-few-patients" in one.slugs("south")
    assert set(one.sent("south")) == {"query.audit"}
    assert spendings(one, "south") == 0


def test_the_larger_floor_says_what_is_withheld(tmp_path: Path) -> None:
    told = {}
    for floor in (5, 18):
        one = audited(tmp_path / str(floor), counted(floor=11))
        one.folder.mkdir()
        one.deployed(floor=floor, own=True)
        told[floor] = sums(answer(one, "evaluate.counts", plan_at(one)))
    small = {floor: [c.n_units for c in found.cells if c.n_units] for floor, found in told.items()}
    rows = {floor: [row.n_units for row in found.rows] for floor, found in told.items()}
    assert 11 <= min(small[5]) < 18 <= min(small[18])
    assert 11 <= min(rows[5]) < 18 <= min(rows[18])
    assert len(told[18].withheld) > len(told[5].withheld)


@pytest.mark.parametrize("own", [True, False])
def test_own_estimates_leave_where_the_site_says_so(tmp_path: Path, *, own: bool) -> None:
    one = audited(tmp_path)
    one.deployed(own=own)
    found = sums(answer(one, "evaluate.counts", plan_at(one)))
    assert bool(found.rows) == own
    assert found.data == ""


def test_a_plan_is_answered_once_whatever_becomes_of_the_table(tmp_path: Path) -> None:
    """Two exact sums over nearly the same patients would differ by who came and went."""
    one = audited(tmp_path)
    one.deployed()
    first = sums(answer(one, "evaluate.counts", plan_at(one)))
    one.tables["north"].iloc[:-20].to_csv(one.folder / "north" / "judgements.csv", index=False)
    assert sums(answer(one, "evaluate.counts", plan_at(one))) == first
    one.allow("north", floor=20)
    assert declined(answer(one, "evaluate.counts", plan_at(one))) == "plan-answered"


def test_noise_is_in_the_ledger_before_anything_leaves_and_once(tmp_path: Path) -> None:
    one = audited(tmp_path, counted(**NOISED))
    one.deployed(budget=BUDGET)
    first = sums(answer(one, "evaluate.counts", plan_at(one)))
    assert spendings(one) == 1
    assert first.spent is not None
    assert (first.spent.epsilon, first.spent.ledger_epsilon, first.spent.ledger_head) == (2.0, None, None)
    assert sums(answer(one, "evaluate.counts", plan_at(one))) == first
    assert spendings(one) == 1
    (run,) = ledger(one).runs.values()
    assert (run.opened.epsilon, run.opened.delta) == (BUDGET["epsilon"], BUDGET["delta"])
    assert not run.unconfirmed


def test_noise_that_was_counted_and_never_left_stays_spent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = audited(tmp_path, counted(**NOISED))
    one.deployed(budget=BUDGET)

    def killed(self: object, sums: SiteCounts, limits: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("federated.entry.audit_answers.Answers.keep_sums", killed)
    with pytest.raises(KeyboardInterrupt):
        answer(one, "evaluate.counts", plan_at(one))
    assert spendings(one) == 1
    assert one.sent("north") == []


def test_what_the_ledger_spent_is_told_where_the_site_tells_epsilon(tmp_path: Path) -> None:
    one = audited(tmp_path, counted(**NOISED))
    one.deployed(budget=BUDGET, tells=["epsilon"])
    spent = sums(answer(one, "evaluate.counts", plan_at(one))).spent
    assert spent is not None
    assert spent.ledger_epsilon == pytest.approx(2.0, rel=0.01)


def test_one_budget_pays_for_every_audit(tmp_path: Path) -> None:
    """A second plan, approved as well, costs more than is left: it is declined, and the first is still told again."""
    one = audited(tmp_path, counted(**NOISED))
    one.deployed(budget={"epsilon": 2.5, "delta": 1e-4})
    before = plan_at(one)
    first = sums(answer(one, "evaluate.counts", before))
    own = one.house("north").folder / OWN_AUDIT
    kept = own.read_bytes()
    one.plan["audit"]["title"] = "Second"
    shutil.copy(one.written(), own)
    one.approve("north")
    assert declined(answer(one, "evaluate.counts", plan_at(one))) == "budget-spent"
    assert spendings(one) == 1
    own.write_bytes(kept)
    assert sums(answer(one, "evaluate.counts", before)) == first


def test_a_smallest_cohort_above_what_came_binds(tmp_path: Path) -> None:
    one = audited(tmp_path, counted(told="secure"))
    one.deployed(smallest_cohort=4)
    with pytest.raises(FederationError, match="not summed"):
        one.run()
    assert {slug for site in SITES for slug in one.slugs(site)} == {"secure-cohort"}
    assert not any("masked" in what for site in SITES for what in one.sent(site))


def test_under_secure_sums_noise_is_counted_by_each_site_before_it_masks(tmp_path: Path) -> None:
    one = audited(tmp_path, counted(told="secure", noise={**NOISE, "least_sites": 3}))
    one.deployed(budget=BUDGET, exact_sums="never")
    report = one.run()
    assert [spendings(one, site) for site in SITES] == [1, 1, 1]
    assert any("Each site added a share of noise" in caveat for caveat in report.caveats)
    one.folder.joinpath("report").rename(one.folder / "first")
    with pytest.raises(FederationError, match="secure-replayed"):
        one.run()
    assert [spendings(one, site) for site in SITES] == [1, 1, 1], "asked again nothing is paid"


def test_a_plan_in_clear_is_not_answered_where_it_asks_for_secure_sums(tmp_path: Path) -> None:
    one = audited(tmp_path, counted(told="secure"))
    one.deployed()
    assert declined(answer(one, "evaluate.counts", plan_at(one))) == "plan-impossible"


def test_a_draft_is_answered_by_one_plan_that_follows_from_it(tmp_path: Path) -> None:
    one = audited(tmp_path, drafted(floor=11))
    one.deployed(floor=15)
    draft = read_federated_audit(one.house("north").folder / OWN_AUDIT).audit
    assert isinstance(draft, Draft)
    asked = CountsPlan.model_validate(counted(conditions=["TAV", "T"]))
    assert declined(answer(one, "query.audit", asked)) == "plan-not-approved", "it named nothing yet"
    other = draft.model_copy(update={"floor": 2})
    assert declined(answer(one, "evaluate.vocabulary", other)) == "plan-not-approved"

    reply = answer(one, "evaluate.vocabulary", draft)
    written = reply.content.config_records["named"]["json"]
    assert isinstance(written, bytes)
    assert set(read_vocabulary(written, where="reply").labels) == set(audits.LABELS)
    for lax in ({"floor": 2}, {"labels": ["anger", "joy"]}, {"depth": 1}, {"features": {"accent": ["Irish"]}}):
        plan = CountsPlan.model_validate(counted(conditions=["TAV", "T"]) | lax)
        assert declined(answer(one, "query.audit", plan)) == "plan-not-approved"
    assert dict(answer(one, "query.audit", asked).content.config_records["accepts"])["site"] == "north"
    more = CountsPlan.model_validate(counted(conditions=["TAV", "T"], labels=[*audits.LABELS, "surprise"]))
    assert declined(answer(one, "evaluate.counts", more)) == "plan-answered"
    assert sums(answer(one, "evaluate.counts", asked)).plan == asked.digest


def test_a_value_that_few_patients_have_is_not_named_by_the_sites_own_floor(tmp_path: Path) -> None:
    one = audited(tmp_path, drafted(floor=2))
    few = one.tables["north"]["unit_id"].unique()[:4]
    one.tables["north"].loc[one.tables["north"]["unit_id"].isin(few), "accent"] = "Manx"
    one.deployed(floor=5)
    draft = read_federated_audit(one.house("north").folder / OWN_AUDIT).audit
    assert isinstance(draft, Draft)
    reply = answer(one, "evaluate.vocabulary", draft)
    assert b"Manx" not in bytes(reply.content.config_records["named"]["json"])  # type: ignore[arg-type]


def test_the_sums_stay_in_the_sites_folder_for_its_own_report(tmp_path: Path) -> None:
    one = audited(tmp_path)
    one.deployed()
    left = sums(answer(one, "evaluate.counts", plan_at(one)))
    (kept,) = (one.folder / "north" / "private" / "audits").glob("*/north.counts.json")
    assert read_counts(kept.read_bytes(), where="kept") == left
    assert kept.stat().st_mode & 0o077 == 0


def test_a_node_that_is_no_site_answers_none(tmp_path: Path) -> None:
    nobody = Context(run_id=1, node_id=2, node_config={"partition-id": 0}, state=RecordDict(), run_config={})
    with pytest.raises(PlanError, match="no site"):
        counted_at(CountsPlan.model_validate(counted()), nobody)


def test_a_table_that_cannot_be_counted_ends_in_words_that_quote_nobody(tmp_path: Path) -> None:
    one = audited(tmp_path)
    one.deployed()
    table = one.tables["north"].assign(y_pred="north-17 said so")
    table.to_csv(one.folder / "north" / "judgements.csv", index=False)
    reply = answer(one, "evaluate.counts", plan_at(one))
    assert declined(reply) == "row-label"
    assert "north-17" not in str(dict(reply.content.config_records["refuses"]))
    assert "north-17" not in one.house("north").log.read_text(encoding="utf-8")


def test_a_policy_that_allows_no_audit_is_told_by_its_check(tmp_path: Path) -> None:
    one = audited(tmp_path)
    one.deployed(examinations=[], floor=11)
    found = {check.name: check for check in readiness(one.house("north")).checks}
    assert found["audit"].fine is None
    assert found["corpus"].fine is None
    one.allow("north", exact_sums="secure")
    found = {check.name: check for check in readiness(one.house("north")).checks}
    assert found["audit"].fine
    assert "exact sums: secure" in found["audit"].found
    one.allow("south", floor=21)
    assert {c.name: c.fine for c in readiness(one.house("south")).checks}["audit"] is False
    (one.folder / "west" / "judgements.csv").unlink()
    assert {c.name: c.fine for c in readiness(one.house("west")).checks}["audit"] is False


def test_a_first_site_file_allows_no_audit(tmp_path: Path) -> None:
    one = audited(tmp_path)
    one.deployed()
    from federated.deployment.site_file import SiteFile, first_site_file

    first = SiteFile.model_validate(yaml.safe_load(first_site_file("north", "127.0.0.1:9092")))
    assert first.audit is None
    assert first.examinations == ()
    one.house("north").policy.write_text(first_site_file("north", "127.0.0.1:9092"), encoding="utf-8")
    with pytest.raises(SiteLeavesError, match="federated-audit"):
        counted_at(plan_at(one), context(one))


def test_a_message_of_an_audit_imports_nothing_that_trains() -> None:
    """Each message is a process of its own, and torch alone is half of what such a process costs."""
    loads = "import federated.client_app, federated.entry.audit_site, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", loads], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["False"], done.stderr[-2000:]


def test_refusals_are_in_the_servers_record_in_the_sites_words(tmp_path: Path) -> None:
    one = audited(tmp_path)
    one.deployed()
    one.allow("west", examinations=[])
    one.run()
    refused = read_log(one.record).of(AuditRefused)
    assert [entry.because.partition(":")[0] for entry in refused] == ["examination-not-allowed"]
