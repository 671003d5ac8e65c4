"""Who swore to a report, and what of it holds: keys, a trust file, signatures, commitments, archives, verification.

`keys` makes and reads keys; `trust_file` says whom a reader believes; `statements` is one signature; `signatures` holds
all of a bundle's against each other; `timestamps` reads tokens of a timestamp authority; `commitment` binds rows that
stay with their owner; `archive` is the one zip form of a bundle; `verification` reports what holds, in four parts.
"""
