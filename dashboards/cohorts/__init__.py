"""A cohort of the people in an audit: built in the bar, kept for whoever named it, followed by every page."""
