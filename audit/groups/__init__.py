"""How well is every group served: levels, the worst served, the spread between groups, and small groups."""
