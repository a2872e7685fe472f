"""Values from JSON documents: of pods, or of a URL."""
