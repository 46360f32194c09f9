"""Using a model: a session that encodes a scan once and answers sentences against it."""
