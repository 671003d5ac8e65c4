"""The server is Streamlit's, and has imported what a first page takes when it begins to listen."""

from __future__ import annotations

import subprocess
import sys

TOLD = """
import sys
from dashboards import serving
serving.made_ready()
missing = [name for name in serving.FIRST if name not in sys.modules]
own = [name for name in sys.modules if name.startswith("dashboards.") and name != "dashboards.serving"]
print(missing, own)
"""


def test_what_pages_take_is_there_and_none_of_the_desks_own() -> None:
    said = subprocess.run([sys.executable, "-c", TOLD], check=True, capture_output=True, text=True).stdout
    assert said.strip() == "[] []"


def test_it_takes_what_streamlit_takes() -> None:
    command = [sys.executable, "-m", "dashboards.serving", "version"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "streamlit" in told.lower()
    assert "dashboards" not in told
