"""The embedded site of `pytest --wfo-demo`: simulated hosts behind real SSH connections."""
