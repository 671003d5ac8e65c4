"""The command line. Each command is a module of its own that is imported when it is called."""

from __future__ import annotations

from affidavit.cli.main import main

__all__ = ["main"]
