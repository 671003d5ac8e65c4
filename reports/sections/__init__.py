"""The sections of a report, one a file: each says what there is, what is missing, and who must supply that."""
