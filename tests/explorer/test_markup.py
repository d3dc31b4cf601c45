"""Players in a page: what is heard stands beside them, escaped."""

import numpy as np

from lib.explorer import markup


def test_each_player_has_its_name_beside_it():
    page = markup.players(
        "Clips", [("<hiss> & hum", np.zeros(800, np.float32)), ("tone", np.ones(800, np.float32))], 8000
    )
    for name in ("&lt;hiss&gt; &amp; hum", "tone"):
        assert f">{name}</th>" in page and f'aria-label="{name}"' in page
    assert "<hiss>" not in page and page.count("<audio") == 2
