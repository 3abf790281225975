"""The fix pack: scripts to review, a firewall change request, and a checklist. Nothing is executed."""
