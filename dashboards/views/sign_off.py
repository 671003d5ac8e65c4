"""Sign-off: waivers with a second approver, statements about the report, and the commands and keys that sign it."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import streamlit as st

from affidavit.errors import VerificationError
from affidavit.provenance import now
from affidavit.records import Verdict
from affidavit.report import AuditReport
from dashboards.access.people import Person, Right, least_role
from dashboards.records.book import RecordBook
from dashboards.records.desk import act_on, book_of, seen_version, show_last_act
from dashboards.records.entries import Entry, Kind
from dashboards.reviewing.doing import Doing
from dashboards.reviewing.signing import OwnKey, Papers, commands, own_keys, sign_here, signed_by, signs_as
from dashboards.reviewing.stating import Standing, Statement, requester_of, standing, state, subject_of, why_not
from dashboards.reviewing.studies import studies
from dashboards.reviewing.waiving import (
    APPROVED,
    REFUSED,
    WITHDRAWN,
    Asked,
    WaiverCase,
    ask,
    decide,
    waivers_file,
    waivers_of,
)
from dashboards.reviewing.waiving import why_not as why_not_waived
from dashboards.seat import Seat
from dashboards.showing.texts import as_markdown
from dashboards.workspace.bundles import FoundBundle
from reports.trust.parties import Role as Signer
from reports.trust.parties import plain_name
from reports.wording import verdict_text

EVERYTHING: Final = "everything that the criterion binds"
WORDS: Final = {APPROVED: "Approve", REFUSED: "Refuse", WITHDRAWN: "Withdraw"}
MONTHS_3: Final = datetime.timedelta(days=90)
"""What is proposed as the time of a new waiver."""


def draw(seat: Seat) -> None:
    """Draw the page."""
    st.title("Sign-off")
    show_last_act()
    bundle, opened = seat.chosen(), seat.opened()
    if bundle is None or opened is None:
        st.info("No audit is open. Choose one on the **Desk**; its waivers and statements are then made here.")
        return
    book = book_of(seat.settings)
    st.caption(as_markdown(f"{bundle.title}: {bundle.decision}. Everything here is about the report {bundle.digest}."))
    _waivers(seat, opened.report, book)
    history = book.history(subject_of(bundle.digest))
    _statements(seat, bundle, history, book)
    _signing(seat, bundle, opened.report, history, book)


def _waivers(seat: Seat, report: AuditReport, book: RecordBook) -> None:
    st.header("Waivers")
    cases = waivers_of(report.report_digest, book)
    if not cases:
        st.caption("Nobody asked for a waiver. One lets a criterion be missed for a time; a second person approves it.")
    for case in cases:
        _waiver(seat.person, case, book)
    if not _stopping(report):
        st.info("No criterion failed or stayed open: there is nothing to waive.", icon=":material/check_circle:")
    elif seat.person.may(Right.ASK_WAIVER):
        _ask(seat.person, report, len(cases), book)


def _waiver(person: Person, case: WaiverCase, book: RecordBook) -> None:
    """Show a waiver with what may be done to it."""
    seen = seen_version(case.subject, case.latest)
    before = case.as_of(seen)  # what a click is about: the page as it was when somebody clicked
    moment = now()
    with st.container(border=True):
        st.markdown(f"**{as_markdown(case.told())}**")
        st.markdown("\n".join(f"- {_line(entry)}" for entry in case.history))
        barred = why_not_waived(before, APPROVED, by=person, at=moment)
        if barred is not None and before.waiver is None:
            st.caption(as_markdown(f"You cannot approve it: {barred}."))
        acts = [act for act in WORDS if why_not_waived(before, act, by=person, at=moment) is None]
        if acts:
            _deciding(person, before, acts, book)


def _deciding(person: Person, case: WaiverCase, acts: Sequence[str], book: RecordBook) -> None:
    with st.form(f"waiver-form-{case.subject.name}", border=False):
        reason = st.text_input("Why", key=f"waiver-why-{case.subject.name}", max_chars=1_000)
        pressed = [
            column.form_submit_button(WORDS[act], key=f"waiver-{WORDS[act]}-{case.subject.name}")
            for act, column in zip(acts, st.columns(3), strict=False)
        ]
    act = next((act for act, down in zip(acts, pressed, strict=True) if down), None)
    if act is not None:
        act_on(
            case.subject,
            lambda: decide(case, act, Doing(by=person, at=now(), why=reason), book=book),
            done=f"you {act}",
        )


def _line(entry: Entry) -> str:
    said = f"{entry.person} {entry.act}, {entry.at:%Y-%m-%d %H:%M} UTC"
    return as_markdown(said + (f": {entry.reason}" if entry.reason else ""))


def _stopping(report: AuditReport) -> dict[str, dict[str, str]]:
    """Return criterion to findings (id to how it came out) that failed or stayed open under it."""
    found: dict[str, dict[str, str]] = {}
    for finding in report.findings:
        if finding.criterion is not None and finding.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
            name = finding.id.partition("#")[0]  # as the gate names it
            found.setdefault(finding.criterion.id, {})[name] = verdict_text(finding.verdict)
    return found


def _ask(person: Person, report: AuditReport, n_asked: int, book: RecordBook) -> None:
    stopping = _stopping(report)
    with st.expander("Ask for a waiver"):
        criterion = st.selectbox("Criterion", list(stopping), key="waiver-criterion")
        told = {EVERYTHING: EVERYTHING, **{name: f"{name} ({came})" for name, came in stopping[criterion].items()}}
        today = now().date()
        with st.form(f"waiver-ask-form-{n_asked}", border=False):  # an empty one after each that was asked
            finding = st.selectbox("What of it", list(told), format_func=told.__getitem__, key=f"waiver-of-{criterion}")
            reason = st.text_area(
                "Why it may be missed, and what is done meanwhile", key=f"waiver-reason-{n_asked}", max_chars=4_000
            )
            last = st.date_input("Last day", value=today + MONTHS_3, min_value=today, key=f"waiver-last-{n_asked}")
            pressed = st.form_submit_button("Ask", key="waiver-ask", type="primary")
        if pressed and isinstance(last, datetime.date):
            asked = Asked(criterion=criterion, finding=None if finding == EVERYTHING else finding, last_day=last)
            doing = Doing(by=person, at=now(), why=reason)
            ask(report.report_digest, asked, doing, name=uuid.uuid4().hex, book=book)
            st.rerun()


def _statements(seat: Seat, bundle: FoundBundle, history: Sequence[Entry], book: RecordBook) -> None:
    st.header("Statements")
    if not history:
        st.caption("Nobody stated anything about this report yet.")
    st.markdown("\n".join(f"- {_line(entry)}" for entry in history))
    seen = seen_version(subject_of(bundle.digest), history[-1] if history else None)
    part = Standing(history=tuple(history[:seen]), others=_others(seat, bundle, book))
    barred = why_not(Statement.APPROVED, by=seat.person, part=part)
    if not seat.person.may(Right.APPROVE):
        st.caption(f"It is approved or refused from {least_role(Right.APPROVE)} on.")
    elif barred is not None:
        st.caption(as_markdown(f"You cannot approve it: {barred}."))
    _stating(seat.person, bundle, part, book)


def _stating(person: Person, bundle: FoundBundle, part: Standing, book: RecordBook) -> None:
    open_ones = [one for one in Statement if why_not(one, by=person, part=part) is None]
    words = {one.value: as_markdown(f"{person.name} {one.value}") for one in open_ones}
    with st.form("sign-off-form"):
        chosen = st.radio("You state", list(words), format_func=words.__getitem__, index=None, key="sign-off-statement")
        reason = st.text_area("Why", key="sign-off-reason", max_chars=4_000)
        pressed = st.form_submit_button("State it", key="sign-off-state", type="primary")
    if pressed and chosen is None:
        st.caption("Choose what you state.")
    elif pressed and chosen is not None:
        act_on(
            subject_of(bundle.digest),
            lambda: state(
                bundle.digest, Statement(chosen), Doing(by=person, at=now(), why=reason), part=part, book=book
            ),
            done=f"you stated: {chosen}",
        )


def _others(seat: Seat, bundle: FoundBundle, book: RecordBook) -> tuple[tuple[str, Signer], ...]:
    """Return who has a part in a report: by its signatures, and by reviews of its runs' rationales."""
    reviewed = [
        (entry.person, Signer.REVIEWER)
        for study in studies(Path(seat.settings.workspace))
        if {item.run for item in study.plan.items} & set(bundle.runs)
        for entry in book.current(Kind.REVIEW, study.name)
    ]
    try:
        return (*signed_by(bundle.path), *dict.fromkeys(reviewed))
    except VerificationError:
        return tuple(dict.fromkeys(reviewed))


def _signing(seat: Seat, bundle: FoundBundle, report: AuditReport, history: Sequence[Entry], book: RecordBook) -> None:
    st.header("Signature")
    workspace = Path(seat.settings.workspace)
    role, requester = signs_as(seat.person, history), requester_of(history)
    keys = own_keys(workspace, seat.person)
    path = waivers_file(workspace, bundle.digest, book)
    waived = any(case.waiver is not None for case in waivers_of(bundle.digest, book))
    papers = Papers(bundle=str(bundle.path), waivers=str(path) if waived else None, policy=report.plan.policy)
    key = str(keys[0].key) if keys else None
    st.markdown("At a terminal, in this order; waivers are filed before anybody signs:")
    st.code("\n".join(commands(papers, role=role, requester=requester, key=key)), language="shell")
    if role is None:
        stated = standing(history).get(plain_name(seat.person.name))
        st.caption(
            "You refused it: there is nothing to sign."
            if stated
            else "State something first; a signature swears to it."
        )
    elif requester is None:
        st.caption("Nobody stated that they asked for this audit; every signature names who did.")
    elif not keys:
        st.caption("No key of yours lies at this desk: sign at a terminal, where your key is.")
    else:
        _sign(seat.person, bundle, keys, role, history, book)


def _sign(
    person: Person,
    bundle: FoundBundle,
    keys: Sequence[OwnKey],
    role: Signer,
    history: Sequence[Entry],
    book: RecordBook,
) -> None:
    names = {own.key_id: f"{own.name}, {own.role}, {own.key_id[:12]}" for own in keys}
    chosen = st.selectbox("Your key", list(names), format_func=names.__getitem__, key="sign-off-key")
    password = st.text_input("Its password, where it has one", type="password", key="sign-off-password")
    if st.button(f"Sign as {role}", key="sign-off-sign", type="primary"):
        own = next(own for own in keys if own.key_id == chosen)
        signed = sign_here(bundle.path, own, password=password, history=history, by=person, book=book, at=now())
        st.success(as_markdown(f"Signed: {signed.file}"), icon=":material/draw:")
