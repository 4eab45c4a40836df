"""What AWS Lambda calls."""
