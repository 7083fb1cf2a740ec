"""Heavy: pictures and the preference model. Loaded by the worker, by the CLI only when asked."""
