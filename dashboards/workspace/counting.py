"""The process that counts one large table: `python -m dashboards.workspace.counting TABLE RUN FOLDER < report.json`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from affidavit.kept_counts import KeptCounts
from affidavit.report import parse_report
from dashboards.workspace.cases import count_file, table_of

POLITE: Final = 10
"""How far it stands back where somebody is drawn a page meanwhile; alone it is as fast."""


def main(path: str, run: str, folder: str) -> int:
    """Count a table, keep the counts, and return 0 where it is the table of the run."""
    os.nice(POLITE)
    table = table_of(parse_report(sys.stdin.buffer.read(), where="report.json"), run)
    if table is None:
        return 1
    return 0 if count_file(Path(path), table, KeptCounts(Path(folder))) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
