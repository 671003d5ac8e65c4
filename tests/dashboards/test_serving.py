"""The server is Streamlit's, and has imported what a first page takes when it begins to listen."""

from __future__ import annotations

import subprocess
import sys

TOLD = """
import sys
from dashboards import serving
serving.made_ready()
missing = [name for name in serving.FIRST if name not in sys.modules]
print(missing)
"""


def test_what_pages_take_is_there_and_nothing_complains() -> None:
    done = subprocess.run([sys.executable, "-c", TOLD], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
    assert "No runtime found" not in done.stderr, "a cache that is made before Streamlit runs is not of data"


def test_it_takes_what_streamlit_takes() -> None:
    command = [sys.executable, "-m", "dashboards.serving", "version"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "streamlit" in told.lower()
    assert "dashboards" not in told
