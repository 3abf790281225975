"""The readers of antivirus products: what a host printed -> ``core.antivirus.model.Product``."""
