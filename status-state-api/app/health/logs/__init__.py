"""Following a container's log, and how severe its lines are."""
