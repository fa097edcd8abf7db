"""What a network has to beat: naive forecasts, ridge, boosting and smoothing, fitted on what came before."""
