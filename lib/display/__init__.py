"""How things are displayed: one style, one way to save a figure, and who looks at the screen.

`figures` saves figures in one style, `glyphs` finds a font for every script, `screen` has the names that readers know.
"""
