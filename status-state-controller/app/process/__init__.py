"""What concerns this process alone: its heartbeat, its watchdog, its own container, its threads."""
