"""Where reports lie, and how they are read: within what was named and nowhere else."""
