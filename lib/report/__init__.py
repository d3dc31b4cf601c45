"""A study on one page.

report        the page as one file
sections      what each section shows of a run; page_elements: what a section is made of
run           the run as the page reads it; pictures: its pictures, with what is to be seen on them
examples      test clips to listen to
"""
