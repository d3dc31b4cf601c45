"""A corpus from the network: fetched, checked, unpacked.

known      the corpora that can be had, and their archives
collect    all of it for one corpus: the disk, the order, what is done already
resume     a file that goes on where it broke off and is checked before it takes its name
transport  one request, and what a server's answer means
parts      the parts of a split archive as one long file
zips       what an archive holds, or why it is refused
unpack     members into files, side by side
progress   how far it is
"""

from lib.sounds.download.collect import ARCHIVES, Job, Source, get, need
from lib.sounds.download.known import KNOWN, from_table
from lib.sounds.download.transport import DownloadError

__all__ = ["ARCHIVES", "KNOWN", "DownloadError", "Job", "Source", "from_table", "get", "need"]
