"""Data and an axis in, a picture out: one file for each kind of picture; `common` holds what they share."""
