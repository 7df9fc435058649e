"""Asking a container by HTTP, and the way there."""
