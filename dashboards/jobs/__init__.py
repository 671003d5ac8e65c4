"""Runs that are started from the desk: child processes of `affidavit`, which outlive a page and can be ended."""
