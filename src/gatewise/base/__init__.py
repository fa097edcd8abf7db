"""What every room may use: errors, the declaration of settings, bytes on disk, text, RAM and cores."""
