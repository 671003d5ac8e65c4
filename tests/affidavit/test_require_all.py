"""Continuous integration cannot pass by skipping: proven on a test that skips, with and without the demand."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"


@pytest.mark.slow  # starts pytest on a tree of its own
@pytest.mark.parametrize(
    ("reason", "demanded", "code"),
    [
        ("a part is missing", "1", 1),
        ("a part is missing", "0", 0),
        ("the public data are not there", "1", 0),
    ],
)
def test_a_skip_for_want_of_a_part_fails_where_all_is_required(
    tmp_path: Path, reason: str, demanded: str, code: int
) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "test_it.py").write_text(
        f"import pytest\n\ndef test_one() -> None:\n    pytest.skip({reason!r})\n\ndef test_two() -> None: ...\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)],
        env={**os.environ, "AFFIDAVIT_REQUIRE_ALL": demanded},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
