"""Each workaround for an upstream fault has a test here that fails once upstream is mended: then remove both."""

import subprocess
import sys


def test_typer_still_imports_what_click_deprecates() -> None:
    """Mended: drop the `click.utils` line from filterwarnings in pyproject.toml."""
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", "-c", "import typer"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "click.utils" in done.stderr
