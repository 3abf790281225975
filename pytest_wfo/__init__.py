"""pytest-wfo: verify a customer site against the inContact WFO Environmental Requirements."""

__version__ = "0.1.0"
