"""The statistical model as data: HistFactory JSON and its sidecar."""
