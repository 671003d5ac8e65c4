"""What annotators said: their agreement by group, and a model's distance from them beside their own."""
