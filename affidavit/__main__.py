"""Lets `python -m affidavit` do what `affidavit` does."""

from affidavit.cli.main import main

main()
