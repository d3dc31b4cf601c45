"""Representations that only a control uses: one file each, as in the folder above, and listed nowhere."""
