"""The whole house in separate processes: both life events, and what bad input gets."""
