"""What moves an answer that ought not to, and what the dialogue before it is worth: instructions and history."""
