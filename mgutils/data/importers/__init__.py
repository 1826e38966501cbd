"""Turn other people's data into the original's layout: ``folders`` of labelled images, the ``seed``'s own folder with
iMiGUE's annotations (``annotations``) beside it, and iMiGUE's videos (``imigue``). ``place`` is where they write.
``skeletons`` makes a dataset of clips from the files of other pose estimators, ``videos`` one from a list of videos.

All faults are listed before anything is left on disk; a dataset is written aside and renamed when it is whole.
"""

from mgutils.data.importers.folders import import_folders
from mgutils.data.importers.imigue import import_imigue
from mgutils.data.importers.original import import_original

__all__ = ["import_folders", "import_imigue", "import_original"]
