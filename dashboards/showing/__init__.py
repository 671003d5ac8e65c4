"""A document's blocks, and tables of findings, as elements of a page; texts of suppliers stay texts."""
