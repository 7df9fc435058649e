"""What Prometheus is shown: counts that are kept here, and the state of the moment."""
