"""Whether a start takes a fresh snapshot or resumes the stored one, and when."""
