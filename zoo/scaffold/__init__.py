"""``zoo new``: a complete package around a model that trains, as a place to begin.

The templates under ``templates/`` are the files themselves, with ``${names}`` where something of
the author's goes; no framework and no template engine is needed to fill them in.
"""

from zoo.scaffold.author import LICENSES, Author
from zoo.scaffold.kinds import KINDS, Kind, find_kind
from zoo.scaffold.names import Names, name_package
from zoo.scaffold.package import new_package

__all__ = [
    "KINDS",
    "LICENSES",
    "Author",
    "Kind",
    "Names",
    "find_kind",
    "name_package",
    "new_package",
]
