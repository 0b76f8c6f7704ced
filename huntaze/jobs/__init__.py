"""RQ jobs: shallow. Each loads what it needs and calls one method of a service."""
