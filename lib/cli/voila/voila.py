"""Voila's settings that are code: read by `make explorer`."""

from lib.cli.serving import LARGEST_UPLOAD


def give_token(request, notebook, cwd):
    """Set the cookie with which a page that is left may end its kernel; without it Voila refuses that (403)."""
    _ = request.xsrf_token  # reading it sets the cookie


config = get_config()  # noqa: F821
config.VoilaConfiguration.prelaunch_hook = give_token
config.VoilaConfiguration.file_allowlist = []  # as it comes, pictures beside the notebook could be fetched
config.VoilaConfiguration.allow_template_override = "NO"  # by the address of the page
config.VoilaConfiguration.allow_theme_override = "NO"
# A page elsewhere whose name is turned to this machine must not read ours: only this machine's own names are answered.
config.Voila.tornado_settings = {"websocket_max_message_size": LARGEST_UPLOAD, "allow_remote_access": False}
