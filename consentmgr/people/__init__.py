"""One person at a time: found, seen whole, and what they say by phone, letter, mail or in person written down."""
