"""Privacy: promised epsilon, attacked epsilon, and what a report must not give away. Empty as yet."""
