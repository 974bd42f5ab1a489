"""Wrong rules and wrong engines, made on purpose: every one of them must be noticed."""
