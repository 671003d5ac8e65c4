"""Privacy: promised epsilon, attacked epsilon, who pays for it, and what a report must not give away."""
