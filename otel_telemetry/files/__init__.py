"""Where our few files lie, who may read them, and who holds them."""
