"""What is at which path, by subject. What it answers with is made elsewhere."""
