"""One guarded HTTP server on this machine."""
