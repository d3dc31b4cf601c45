"""Voila's settings that are code: read by `make explorer`."""


def give_token(request, notebook, cwd):
    """Set the cookie with which a page that is left may end its kernel; without it Voila refuses that (403)."""
    _ = request.xsrf_token  # reading it sets the cookie


get_config().VoilaConfiguration.prelaunch_hook = give_token  # noqa: F821
