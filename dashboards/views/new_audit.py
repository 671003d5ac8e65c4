"""A new audit without a terminal: bring a table, confirm its columns, choose scope and policy, start."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pandas as pd
import streamlit as st
from pydantic import ValidationError

from affidavit.errors import AffidavitError
from affidavit.plan import AuditPlan, RunSource
from affidavit.schema import COLUMNS
from affidavit.yaml_files import describe_validation_error
from dashboards.composing.brought import SUFFIXES, BroughtTable, examples, kept, looked_at, request_files
from dashboards.seat import Seat
from dashboards.showing.texts import as_markdown, lines_as_markdown
from dashboards.views.run import board_of, watch

POLICIES: Final = {"none: measure and decide nothing": None, "starter": "starter"}
ASKED: Final = ("utterance_id", "unit_id", "speaker_id", "condition", "y_true", "y_pred", "rationale")
_BY_ITSELF: Final = "(as it was recognised)"


def draw(seat: Seat) -> None:
    """Draw the page."""
    st.title("New audit")
    st.caption("Bring a table of judgements, confirm its columns, choose whom to compare and by which policy, start.")
    brought = st.file_uploader("A table: one row for each judgement", type=list(SUFFIXES), key="new-file")
    if brought is None:
        st.info("CSV, Excel, parquet or JSON lines. It stays on this machine.", icon=":material/upload_file:")
        watch(seat)
        return
    place = kept(
        brought.getvalue(),
        name=brought.name,
        workspace=Path(seat.settings.workspace),
        most_mb=seat.settings.upload_mb,
    )
    table = _confirmed(place)
    if table is not None:
        _scope(seat, table)
    watch(seat)


def _confirmed(place: Path) -> BroughtTable | None:
    """Let somebody confirm which column plays which part, and return the table so read; None while it cannot be."""
    st.subheader("Columns")
    try:
        table = looked_at(place, columns=_named(), by=())
    except AffidavitError as error:
        st.error(lines_as_markdown(str(error)), icon=":material/error:")
        table = None
    columns = [] if table is None else list(table.raw.columns)
    if table is not None:
        read = {column: part for part, column in table.mapped.described().items()}
        shown = examples(table.raw)
        frame = [{"Column": c, "Read as": read.get(c, ""), "For example": shown.get(c, "")} for c in columns]
        st.dataframe(pd.DataFrame(frame), hide_index=True, key="new-columns")
        for assumed in (*table.raw.assumptions, *table.mapped.assumptions):
            st.caption(f"Assumed: {as_markdown(assumed)}")
    with st.expander("A column plays another part"):
        for part in ASKED:
            st.text_input(f"{part}: {COLUMNS[part].meaning}", key=f"new-part-{part}", placeholder=_BY_ITSELF)
    return table


def _named() -> Mapping[str, str]:
    """Return the parts for which somebody typed a column."""
    typed = {part: str(st.session_state.get(f"new-part-{part}") or "").strip() for part in ASKED}
    return {part: column for part, column in typed.items() if column}


def _scope(seat: Seat, table: BroughtTable) -> None:
    st.subheader("Scope")
    taken = set(table.mapped.read)
    free = [column for column in table.raw.columns if column not in taken]
    by = st.multiselect("Compare people by", free, key="new-by")
    policy = POLICIES[str(st.selectbox("Held against", list(POLICIES), key="new-policy"))]
    title = st.text_input("Title", value=f"Audit of {table.path.name}", key="new-title", max_chars=200)
    supplier = st.text_input("Who supplied the table", key="new-supplier", max_chars=200)
    possible = [prospect for prospect in table.prospects if not prospect.missing]
    st.caption(f"{len(possible)} of {len(table.prospects)} examinations are possible with this table.")
    try:
        plan = AuditPlan(
            title=title,
            runs={"predictions": RunSource(table=str(table.path), columns=_named(), supplier=supplier or None)},
            by=tuple(by),
            policy=policy,
        )
    except ValidationError as error:
        st.error(as_markdown(describe_validation_error(error)), icon=":material/error:")
        return
    if st.button("Start the audit", type="primary", key="new-start"):
        board_of(seat).start(plan, by=seat.person)
    with tempfile.TemporaryDirectory() as folder:
        files = request_files(table, Path(folder) / "request")
    with st.expander("What to ask the supplier for"):
        for name, content in files.items():
            st.download_button(name, content, file_name=name, key=f"new-request-{name}")
