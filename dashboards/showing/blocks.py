"""The blocks of a report's document on a page, as they stand in every other rendering: same words, same numbers."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import streamlit as st

from dashboards.showing.texts import as_markdown
from reports.document import Block, Facts, Figure, Fold, Listing, Paragraph, Section, Table, Verbatim, tidied


def show_section(section: Section, *, level: int = 2) -> None:
    """Show a section with its heading, and what stands in it."""
    st.html(f"<span id='{section.id}'></span>")
    st.markdown(f"{'#' * min(level, 5)} {as_markdown(section.title)}")
    show_blocks(section.blocks, level=level + 1)


def show_blocks(blocks: Iterable[Block], *, level: int = 3) -> None:
    """Show blocks, one below the other."""
    for block in blocks:
        show_block(block, level=level)


def show_block(block: Block, *, level: int = 3) -> None:
    """Show one block."""
    match block:
        case Section():
            show_section(block, level=level)
        case Fold():
            with st.expander(as_markdown(block.summary), expanded=block.opened):
                show_blocks(block.blocks, level=level)
        case Paragraph():
            st.markdown(as_markdown(block.text))
        case Listing():
            lead = f"{as_markdown(block.lead)}\n\n" if block.lead else ""
            st.markdown(lead + "\n".join(f"- {as_markdown(item)}" for item in block.items))
        case Facts():
            st.table(pd.DataFrame(block.items, columns=["", " "]).set_index(""), border="horizontal")
        case Verbatim():
            st.code("\n".join(block.lines), language=None)
        case Figure():
            st.image(block.svg, caption=as_markdown(block.caption))
        case Table():
            show_table(block)


def show_table(table: Table) -> None:
    """Show a table with its caption, remarks and notes."""
    whole = tidied(table)
    st.markdown(f"**{as_markdown(whole.caption)}**")
    titles = [f"{c.title} ({c.detail})" if c.detail else c.title for c in whole.columns]
    frame = pd.DataFrame([[_cell(cell.text, cell.detail, cell.notes) for cell in row] for row in whole.rows])
    if len(frame):
        frame.columns = _distinct(titles)
    st.dataframe(frame, hide_index=True, key=f"table-{whole.id}")
    for remark in whole.remarks:
        st.caption(as_markdown(remark))
    for number, note in enumerate(whole.notes, start=1):
        st.caption(f"{number}\\. {as_markdown(note)}")


def _cell(text: str, detail: str, notes: tuple[int, ...]) -> str:
    told = f"{text} ({detail})" if detail and text else text or detail
    return f"{told} [{', '.join(map(str, notes))}]" if notes else told


def _distinct(titles: list[str]) -> list[str]:
    """Return titles that are told apart: a frame has no two columns of one name."""
    seen: dict[str, int] = {}
    told = []
    for title in titles:
        seen[title] = seen.get(title, 0) + 1
        told.append(title if seen[title] == 1 else f"{title} {seen[title]}")
    return told
