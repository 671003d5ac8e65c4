"""How the database of records came to be, step by step; each step is taken once, and none is ever rewritten."""
