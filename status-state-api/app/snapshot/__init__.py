"""The snapshot: whether it is captured or resumed (pure), how it is captured, and who holds it."""
