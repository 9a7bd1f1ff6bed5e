"""On the path of a watched program: `sitecustomize` is imported by its interpreter at the start."""
