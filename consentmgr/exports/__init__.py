"""Suppression lists and audiences that leave: content, formats, destinations, runs and their manifests."""
