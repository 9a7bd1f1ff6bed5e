"""The directory on a program's PYTHONPATH, from which its interpreter imports `sitecustomize`."""
