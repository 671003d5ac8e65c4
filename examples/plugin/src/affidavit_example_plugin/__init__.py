"""An example of what a third party adds to affidavit: an examination, a renderer, a command."""
