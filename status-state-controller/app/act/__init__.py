"""Does what the plan says, and decides nothing: the executor, and the verbs that take several steps."""
