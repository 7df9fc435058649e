"""The HTTP interface: what is at which path, who may ask, and how errors look."""
