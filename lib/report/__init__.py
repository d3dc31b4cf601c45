"""A study on one page: the run as its page reads it, the elements of a page, clips and what was predicted of them."""
