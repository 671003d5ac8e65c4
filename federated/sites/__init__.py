"""What a hospital does with a message, and what it lets out of the house."""
