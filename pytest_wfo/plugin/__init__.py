"""The pytest plugin: the only part of the package that knows pytest."""
