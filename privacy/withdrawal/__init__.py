"""A patient withdraws: left out from here on, purged from what is kept here, and told of the models that met them."""
