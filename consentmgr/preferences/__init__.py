"""What a person sees and does: links, leaving, choosing, subscribing."""
