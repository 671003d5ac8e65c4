"""Models trained with several seeds, as tables whose intervals are over people and over seeds."""
