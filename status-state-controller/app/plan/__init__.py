"""Every decision, pure: what differs, what is done about it, and when. No I/O, no clock."""
