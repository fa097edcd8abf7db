"""Commands, options, what is printed."""
