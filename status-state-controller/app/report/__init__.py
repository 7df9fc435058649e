"""What people and the SSA are told of each check."""
