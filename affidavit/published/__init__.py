"""Results and thresholds that others published, read as they are: no interval is made up where none was printed."""
