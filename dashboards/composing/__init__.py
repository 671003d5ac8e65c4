"""Plans that are put together at the desk: from a table that somebody brings, or from what the registry offers."""
