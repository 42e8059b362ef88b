"""The doors of assistance, one file a feature; ``service.py`` puts them together. Nothing here decides anything."""
