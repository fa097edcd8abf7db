"""Series to a forecaster, measured beside its peers."""
