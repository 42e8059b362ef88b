"""Tests of what an auditor asks: walks through causes, who did what, who looked, what changed."""
