"""What operators wish: the policy, the rules that containers carry, the pauses."""
