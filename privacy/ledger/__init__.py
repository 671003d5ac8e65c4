"""The privacy ledger: what of a privacy budget was spent, per site and unit, written down before it is spent."""
