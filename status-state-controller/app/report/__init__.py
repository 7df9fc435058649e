"""What people and the SSA hear of each check."""
