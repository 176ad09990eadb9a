"""Changes out: the ordered feed, and the webhooks that carry it."""
