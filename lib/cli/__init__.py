"""What `make study` starts: snakemake, and below it the notebooks, each in a process that ends with the one above it."""
