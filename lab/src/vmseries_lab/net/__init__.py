"""HTTP and HTTPS servers on loopback, their certificates, and their clients' processes."""
