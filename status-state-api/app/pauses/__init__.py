"""Pauses: which are in force at a time (pure), and who keeps and ends them."""
