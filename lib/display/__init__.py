"""How things are displayed: one style, one way to save a figure, and who looks at the screen."""
