"""Connections to hosts: SSH on paramiko, local, and any other testinfra backend."""
