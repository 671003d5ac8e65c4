"""Interventions against disparities, each measured before and after on units that it never saw."""
