"""Is what a rationale points to what the prediction rests on? Evidence erased, and evidence alone."""
