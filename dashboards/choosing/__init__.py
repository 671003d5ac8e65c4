"""Which numbers a page shows: run, condition, metric, features and reference group, kept while pages change."""
