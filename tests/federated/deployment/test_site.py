"""A site's folder: made, approved in, its keys replaced, left; and what people do wrong there."""

from __future__ import annotations

import json
import shutil
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from affidavit.errors import AffidavitError, PlanError, TableError, VerificationError
from affidavit.hash_chain import ChainWriter
from federated.deployment.approvals import NEVER, Word, approve, digest_named, refuse, standing
from federated.deployment.command import site
from federated.deployment.house import House
from federated.deployment.keys import read_key
from federated.deployment.leaving import left
from federated.deployment.opening import opened_site
from federated.deployment.rotation import rotated
from federated.deployment.site_file import SiteFile, first_site_file, read_site_file
from federated.record.command import log
from federated.record.entries import Approved, Disapproved, Farewell, KeyRotated, Sent
from federated.record.laws import breaches
from federated.record.log import read_log, write_line
from federated.record.signatures import fingerprint, public_hex
from tests.federated.deployment.conftest import TODAY

WORD = Word(by="A. Officer", because="read its code")
DIGEST = "sha256:" + "ab" * 32
OTHER = "sha256:" + "cd" * 32


def against(house: House, digest: str = DIGEST, *, days: int = 0) -> str | None:
    return standing(house.folder, clock=lambda: TODAY + timedelta(days=days)).against(digest)


def test_nobody_else_may_read_a_site(house: House) -> None:
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (house.folder, *house.folder.rglob("*"))}
    open_ones = {path.name for path, mode in modes.items() if mode & 0o077}
    assert open_ones == {"node.pub", "signing.pub", "officer.pub"}
    assert modes[house.key("node")] == 0o600
    assert modes[house.log] == 0o600


def test_the_node_key_is_what_flower_registers(house: House) -> None:
    public = load_ssh_public_key(house.public("node").read_bytes())
    assert isinstance(public, EllipticCurvePublicKey)
    assert public.curve.name == "secp384r1"
    assert house.key("node").read_bytes().startswith(b"-----BEGIN OPENSSH PRIVATE KEY-----")


def test_a_new_site_lets_nothing_leave(house: House) -> None:
    policy = read_site_file(house)
    assert policy == SiteFile(site="north", server="localhost:18000")
    assert policy.tells == ()
    assert policy.examinations == ()
    assert policy.budget is None
    assert not policy.unprotected_training
    assert against(house) == NEVER


def test_what_is_commented_out_reads_once_it_is_not(house: House) -> None:
    text = first_site_file("north", "localhost:1").replace("# corpus:", "corpus:").replace("#   ", "  ")
    text = text.replace("# budget", "budget").replace("# disjoint:", "disjoint:").replace("# audit:", "audit:")
    house.policy.write_text(text)
    policy = read_site_file(house)
    assert policy.budget is not None
    assert policy.budget.epsilon == 3.0
    assert policy.corpus is not None
    assert policy.corpus.name == "manifest"
    assert policy.disjoint is not None
    assert policy.audit is not None
    assert policy.audit.exact_sums == "never"


@pytest.mark.parametrize("text", ["site: north\nserver: a:1\nepsilonn: 3", "site: North!\nserver: a:1", "- 1", ""])
def test_a_policy_with_a_mistake_is_refused(house: House, text: str) -> None:
    house.policy.write_text(text)
    with pytest.raises(PlanError, match="cannot be used"):
        read_site_file(house)


def test_nothing_is_overwritten(house: House) -> None:
    before = {path: path.read_bytes() for path in house.folder.rglob("*") if path.is_file()}
    with pytest.raises(PlanError, match="folder of its own"):
        opened_site(house.folder, site="north", server="localhost:1")
    assert {path: path.read_bytes() for path in house.folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("name", "server"), [("North Hospital", "a:1"), ("", "a:1"), ("north", "https://a"), ("n", "a")]
)
def test_a_name_or_server_that_is_none_makes_nothing(tmp_path: Path, name: str, server: str) -> None:
    with pytest.raises(PlanError):
        opened_site(tmp_path / "x", site=name, server=server)
    assert not (tmp_path / "x").exists()


def test_what_is_approved_runs_until_it_is_taken_back(house: House) -> None:
    approve(house, DIGEST, word=WORD, clock=lambda: TODAY)
    assert against(house) is None
    assert against(house, OTHER) == NEVER
    refuse(house, DIGEST, word=WORD)
    assert against(house) == "the officer refused it"
    approve(house, DIGEST.removeprefix("sha256:").upper(), word=WORD)
    assert against(house) is None
    assert breaches(read_log(house.log)) == []


def test_an_approval_ends_after_its_last_day(house: House) -> None:
    approve(house, DIGEST, word=WORD, until="2026-03-02", clock=lambda: TODAY)
    assert against(house, days=1) is None
    assert against(house, days=2) == "its approval ended on 2026-03-02"


@pytest.mark.parametrize("until", ["2026-02-28", "tomorrow", "2026-13-01", ""])
def test_a_last_day_that_is_none_or_past_is_refused(house: House, until: str) -> None:
    with pytest.raises(PlanError, match="cannot end on that day"):
        approve(house, DIGEST, word=WORD, until=until, clock=lambda: TODAY)
    assert against(house) == NEVER


def test_a_bundle_is_approved_by_its_bytes(house: House, tmp_path: Path) -> None:
    bundle = tmp_path / "app.fab"
    bundle.write_bytes(b"bundle")
    entry = approve(house, str(bundle), word=WORD)
    assert entry.what == "app.fab"
    assert against(house, digest_named(str(bundle))[0]) is None
    bundle.write_bytes(b"bundlf")
    assert against(house, digest_named(str(bundle))[0]) == NEVER
    for nothing in ("abc", "sha256:xyz", str(tmp_path)):
        with pytest.raises(PlanError, match="neither a digest nor a file"):
            approve(house, nothing, word=WORD)


@pytest.mark.parametrize("word", [Word(by="", because="x"), Word(by="x", because=""), Word(by="x" * 501, because="y")])
def test_nobody_in_particular_approves_nothing(house: House, word: Word) -> None:
    for answer in (approve, refuse):
        with pytest.raises(PlanError, match="needs somebody"):
            answer(house, DIGEST, word=word)


def test_an_approval_that_the_officer_did_not_sign_approves_nothing(house: House) -> None:
    entry = approve(house, DIGEST, word=WORD)
    forged = Approved.model_validate({**entry.model_dump(), "digest": OTHER})
    write_line(house.log, forged)
    with pytest.raises(VerificationError, match="officer key"):
        against(house, OTHER)
    with pytest.raises(VerificationError):  # not even what was approved before: the log is not to be relied upon
        against(house)


def test_an_approval_of_another_site_does_not_count_here(house: House, tmp_path: Path) -> None:
    opened_site(tmp_path / "south", site="south", server="localhost:1")
    south = House(folder=tmp_path / "south")
    shutil.copy(house.key("officer"), south.key("officer"))
    with pytest.raises(VerificationError, match="not the officer's key"):
        approve(south, DIGEST, word=WORD)


def test_a_log_that_was_changed_approves_nothing(house: House) -> None:
    approve(house, DIGEST, word=WORD)
    house.log.write_bytes(house.log.read_bytes().replace(b"read its code", b"read her code"))
    with pytest.raises(VerificationError):
        against(house)


def test_a_site_without_a_log_approves_nothing(house: House) -> None:
    house.log.unlink()
    with pytest.raises(TableError):
        against(house)


def test_a_key_that_others_may_read_is_not_used(house: House) -> None:
    house.key("officer").chmod(0o644)
    with pytest.raises(VerificationError, match="cannot be used") as raised:
        approve(house, DIGEST, word=WORD)
    assert "others may read it" in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", b"\xff\xfe"])
def test_what_is_no_key_is_said(house: House, content: bytes) -> None:
    house.key("officer").write_bytes(content)
    with pytest.raises(VerificationError, match="cannot be used"):
        read_key(house.key("officer"))


@pytest.mark.parametrize("use", ["node", "signing", "officer"])
def test_a_rotated_key_leaves_old_lines_verifiable(house: House, use: str) -> None:
    approve(house, DIGEST, word=WORD)
    before = public_hex(read_key(house.key(use)))  # type: ignore[arg-type]
    assert site("rotate-key", house.folder, use, word=("A", "yearly")) == 0
    after = public_hex(read_key(house.key(use)))  # type: ignore[arg-type]
    assert after != before
    assert house.retired(use, fingerprint(before)).exists()  # type: ignore[arg-type]
    approve(house, OTHER, word=WORD)
    assert against(house) is None
    assert against(house, OTHER) is None
    assert log("verify", house.log) == 0


def test_an_old_key_signs_nothing_any_more(house: House, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    shutil.copy(house.key("officer"), kept)
    rotated(house, "officer", because="lost")
    house.key("officer").unlink()
    shutil.copy(kept, house.key("officer"))
    with pytest.raises(VerificationError, match="not the officer's key"):
        approve(house, DIGEST, word=WORD)
    with pytest.raises(VerificationError, match="not the one that the log names"):
        rotated(house, "officer", because="again")


def test_a_rotation_that_was_cut_short_is_finished(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from federated.deployment import rotation

    def crash(house: House, use: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(rotation, "_placed", crash)
        with pytest.raises(KeyboardInterrupt):
            rotated(house, "signing", because="yearly")
    entry = rotated(house, "signing", because="yearly")
    assert public_hex(read_key(house.key("signing"))) == entry.key
    assert len(read_log(house.log).of(KeyRotated)) == 1
    assert breaches(read_log(house.log)) == []


def test_a_rotation_without_a_reason_changes_nothing(house: House) -> None:
    before = house.key("node").read_bytes()
    with pytest.raises(PlanError, match="needs a reason"):
        rotated(house, "node", because="")
    assert house.key("node").read_bytes() == before
    with pytest.raises(PlanError, match="no such key"):
        site("rotate-key", house.folder, "master", word=("A", "b"))


def sent(number: int, epsilon: float) -> Sent:
    return Sent(
        run="r", round=number, attempt=1, what="train.round", bytes=400, digest=DIGEST, norm=1.0, epsilon=epsilon
    )


def test_leaving_countersigns_and_ends_every_approval(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    approve(house, DIGEST, word=WORD)
    for line in (sent(1, 0.5), sent(1, 0.5), sent(2, 0.75)):
        write_line(house.log, line)
    head = read_log(house.log).head
    assert site("leave", house.folder, word=("A. Director", "the study ended")) == 0
    printed = capsys.readouterr().out
    assert "2 rounds, 1,200 bytes; epsilon up to 0.75 was said" in printed
    farewell = read_log(house.log).of(Farewell)[0]
    assert (farewell.head, farewell.rounds) == (head, 2)
    assert breaches(read_log(house.log)) == []
    assert against(house) == "the site took its leave"
    statement = json.loads(next(house.folder.glob("farewell-*.json")).read_text())
    assert statement["site"] == "north"
    assert statement["key"] == public_hex(read_key(house.key("signing")))
    with pytest.raises(PlanError, match="took its leave before"):
        left(house, word=WORD)
    with pytest.raises(PlanError, match="took its leave"):
        site("run", house.folder)


def test_leaving_needs_somebody(house: House) -> None:
    with pytest.raises(PlanError, match="needs somebody"):
        site("leave", house.folder)
    assert read_log(house.log).of(Farewell) == []


def test_the_command_says_what_it_did(house: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert site("init", tmp_path / "south", "south", server="localhost:1") == 0
    assert "node.pub" in capsys.readouterr().out
    assert site("approve", house.folder, DIGEST, word=("A", "b"), until="2999-01-01") == 0
    printed = capsys.readouterr().out
    assert "until the end of 2999-01-01" in printed
    assert read_log(house.log).head in printed
    assert site("refuse", house.folder, DIGEST, word=("A", "b")) == 0
    assert [type(one) for one in (*read_log(house.log).of(Approved), *read_log(house.log).of(Disapproved))] == [
        Approved,
        Disapproved,
    ]


@pytest.mark.parametrize(("action", "subject"), [("install", None), ("approve", None), ("init", None), ("init", "n")])
def test_what_cannot_be_done_is_said(house: House, action: str, subject: str | None) -> None:
    with pytest.raises(PlanError):
        site(action, house.folder, subject)


def test_a_log_begun_by_somebody_else_has_no_site(tmp_path: Path) -> None:
    with ChainWriter(tmp_path / "log.jsonl") as writer:
        writer.append({"kind": "hello"})
    with pytest.raises(AffidavitError):
        standing(tmp_path)
