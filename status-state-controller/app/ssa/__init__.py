"""What is asked of the SSA and told to it, and how that is written."""
