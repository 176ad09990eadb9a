"""What runs by the clock, and proof that each slot ran once."""
