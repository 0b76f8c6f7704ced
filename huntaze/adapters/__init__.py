"""The outside world, behind Protocols. A package here is a kind of adapter; what others may name is in its top."""
