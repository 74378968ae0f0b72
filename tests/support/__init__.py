"""What the tests of behaviour have in common."""
