"""What each kind of user comes for: settings, prepare, fit, measure, estimator."""
