"""Pictures drawn from exhibits: which ones a report shows, and each family in the one grammar of graphics."""
