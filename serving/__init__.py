"""Models as they are served: the registry and the model file."""
