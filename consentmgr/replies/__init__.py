"""What comes back by mail: bounces, complaints, and people's own words."""
