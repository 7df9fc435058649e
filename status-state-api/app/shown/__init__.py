"""The state and its changes as plain text for people: what the command line and `GET /status?format=text` print. Pure."""
