"""The demonstration: a small dataset of synthesised sounds that has gone through the whole pipeline."""
