"""A plugin-based benchmark harness for imaging inverse problems."""
