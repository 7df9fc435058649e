"""What is asked of a container: by label, or by the policy file."""
