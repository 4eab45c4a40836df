"""HTTP and HTTPS servers on loopback, their certificates, and who connects to them."""
