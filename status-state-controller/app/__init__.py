"""status-state-controller: keeps the originals of the snapshot running and stops newcomers."""
