"""Numbers to HTML that loads nothing."""
