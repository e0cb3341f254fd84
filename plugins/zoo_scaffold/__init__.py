"""Create plugin packages: ``zoo new``.

The templates under ``templates/`` are the files themselves, filled in by :class:`string.Template`.

    >>> from zoo_scaffold import Author, find_kind, name_package, new_package
    >>> new_package(name_package("my-model"), find_kind("command"), Author("Ada Lovelace"))
    PosixPath('zoo-my-model')
"""

from zoo_scaffold.author import LICENSES as LICENSES, Author as Author
from zoo_scaffold.kinds import (
    KINDS as KINDS,
    MODELS as MODELS,
    Kind as Kind,
    find_kind as find_kind,
)
from zoo_scaffold.names import Names as Names, name_package as name_package
from zoo_scaffold.package import new_package as new_package
