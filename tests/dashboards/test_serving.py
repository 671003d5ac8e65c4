"""The server is Streamlit's, and has imported what a first page takes when it begins to listen."""

from __future__ import annotations

import os
import subprocess
import sys

TOLD = """
import sys
from dashboards import serving
serving.made_ready()
missing = [name for name in serving.FIRST if name not in sys.modules]
print(missing)
"""
THREADS = """
import numpy
from threadpoolctl import threadpool_info
from dashboards import serving
serving.made_ready()
print({pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"})
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


def test_numbers_are_made_in_the_thread_of_the_page_that_wants_them() -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    command = [sys.executable, "-c", THREADS]
    told = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    assert told.strip() == "{1}"
