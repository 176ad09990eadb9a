"""Mail that leaves: an outbox, templates with fixed placeholders, and SMTP."""
