"""The snapshot: whether it is taken or resumed (pure), how it is captured, and who holds it."""
