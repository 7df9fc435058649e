"""What is asked of the SSA and sent to it, and how that is written."""
