"""The table of packs that docs/law.md prints."""

from __future__ import annotations

from collections.abc import Sequence

from reports.law.pack import LawPack


def packs_table(packs: Sequence[LawPack]) -> str:
    """Return the packs as a Markdown table: what was read of each, and until when its review holds."""
    head = ["| pack | text | version told of | requirements | read | unverified | review holds until |"]
    head.append("|---|---|---|---:|---:|---:|---|")
    return "\n".join([*head, *map(_line, packs)])


def _line(pack: LawPack) -> str:
    count, read = len(pack.requirements), pack.n_read
    told = f"{pack.text_version} ({pack.text_date})"
    cells = (f"`{pack.id}`", pack.title, told, f"{count}", f"{read}", f"{count - read}", f"{pack.stale_after}")
    return f"| {' | '.join(cells)} |"
