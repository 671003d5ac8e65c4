"""What Flower starts: a server and sites that read one plan, and make the same model of it and of nothing else."""
