"""The originals as a compose file. Pure."""
