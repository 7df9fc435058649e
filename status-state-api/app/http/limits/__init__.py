"""How much anybody may take up: connections, their heads and their time, streams."""
