"""Who sits at the desk, and what they may do there."""
