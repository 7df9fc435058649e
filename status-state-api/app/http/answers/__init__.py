"""The answers that are put together from several parts."""
