"""The outside world behind Protocols, each with a local twin. Adapters know no model."""
