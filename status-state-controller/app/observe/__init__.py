"""What is there: which engine, what it lists, and when to look again."""
