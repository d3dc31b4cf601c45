"""JupyterLab's settings that are code: read by `make lab`."""

from lib.cli.serving import LARGEST_UPLOAD

get_config().ServerApp.tornado_settings = {"websocket_max_message_size": LARGEST_UPLOAD}  # noqa: F821
