"""What concerns this process alone: its sign of life, its watchdog, its own container, its threads."""
