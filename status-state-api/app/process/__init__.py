"""What concerns this process alone: its own container, its threads, its token, its readiness."""
