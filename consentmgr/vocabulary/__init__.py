"""The words of the field as types: pure, imported by every room, importing none."""
