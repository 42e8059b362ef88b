"""What every page of the portal stands on (门户底座)."""
