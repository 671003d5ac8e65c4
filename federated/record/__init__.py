"""The record: what server and sites did, on append-only chains that can be held against each other."""
