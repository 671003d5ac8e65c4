"""What is on screen as a file: a page, a table or a picture, of what may leave."""
