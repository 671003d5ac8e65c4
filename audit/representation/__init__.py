"""Who is in the table, and with which labels."""
