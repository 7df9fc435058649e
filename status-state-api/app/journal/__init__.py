"""What the controller has reported."""
