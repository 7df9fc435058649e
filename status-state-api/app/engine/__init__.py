"""The Docker engine, read only: the only room that knows the Docker SDK. Its answers leave as plain values (`view`)."""
