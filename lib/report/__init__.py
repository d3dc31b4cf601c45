"""A study on one page: the run as its page reads it, the elements and sections of the page, clips to listen to."""
