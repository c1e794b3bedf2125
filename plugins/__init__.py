"""The built-in variants and controls, each a plugin found through the same entry points as anyone else's."""
