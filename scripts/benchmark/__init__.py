"""What scripts/bench is made of: the mirror, the measurements, the page and its picture."""
