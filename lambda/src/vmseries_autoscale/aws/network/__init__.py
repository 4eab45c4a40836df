"""Network interfaces and Elastic IP addresses of one instance."""
