"""Events on disk: segment files, and the directories that hold them."""
