"""What assistance's features keep in the read model, one file a feature; ``read_model.py`` puts them together."""
