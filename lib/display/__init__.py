"""How things are shown: matplotlib loaded when it is needed, one style, one way to save a figure, and who looks at the screen."""
