"""Calibration: bins from the stream, sums in bins, errors beside what chance gives, and the examination."""
