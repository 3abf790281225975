"""The readers of antivirus products: what a host printed -> ``core.antivirus.model.Product``.

One file for each product or family of products; ``windows`` puts those for Windows together.
"""
