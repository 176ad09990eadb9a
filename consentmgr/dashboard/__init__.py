"""What the house looks like today: figures, each of which leads to its rows; keys; timed work."""
