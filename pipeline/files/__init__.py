"""How files are written whole, opened safely and checked: what every folder of ours keeps to."""
