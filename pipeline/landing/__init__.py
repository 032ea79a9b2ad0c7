"""The raw store: chunks of payloads as they came, each with a manifest, and the quarantine."""
