"""The Docker engine: the only room that knows the Docker SDK. Its answers leave as plain values, its errors in words."""
