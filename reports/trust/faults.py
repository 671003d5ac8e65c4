"""What is wrong with one file of a bundle, said so that the file is named."""

from __future__ import annotations

from affidavit.records import Record


class Fault(Record):
    """One file at fault."""

    file: str
    """Its name in the bundle, whether it is there or not."""
    what: str

    def line(self) -> str:
        """Return the fault as one line."""
        return f"{self.file}: {self.what}"
