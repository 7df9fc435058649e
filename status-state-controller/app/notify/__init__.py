"""What people are notified of, by Apprise, and how it reaches them without ever holding up a check."""
