"""Reviews as the table that the examination `human-review` reads; clues as the JSON that the corpus `emer` reads."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Final

from affidavit.reviews import Review
from affidavit.tabulating import defused_text

COLUMNS: Final = ("card", "reviewer", "score", "reason", "reviewed_at", "shown")


def reviews_csv(reviews: Sequence[Review]) -> bytes:
    """Return reviews as CSV: option `reviews` of `human-review`, beside the plan that they were drawn with.

    Reasons are texts in a spreadsheet too: one that would be a formula gets an apostrophe in front.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for review in sorted(reviews, key=lambda one: (one.reviewer, one.card)):
        told = [review.card, review.reviewer, int(review.score), defused_text(review.reason or "")]
        writer.writerow([*told, review.reviewed_at.isoformat(), review.shown or ""])
    return file.getvalue().encode("utf-8")
