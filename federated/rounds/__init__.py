"""The server's course through the rounds: whom it asks, how long it waits, what it takes, what it counts."""
