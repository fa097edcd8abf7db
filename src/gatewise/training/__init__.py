"""The one loop: batches to weights, whatever the task."""
