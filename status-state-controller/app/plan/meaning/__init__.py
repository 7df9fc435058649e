"""What an `inspect` answer means, however it is spelt."""
