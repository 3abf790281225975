"""The integration lab: a WFO site in network namespaces, and the faults it can have."""
