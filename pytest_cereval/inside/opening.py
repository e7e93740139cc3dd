"""Opens the pickled calls of a recording. Standard library only, but for cloudpickle where a pickle needs it.

Pickled bytes are opened in sandboxes only.
"""

from __future__ import annotations

import base64
import io
import pickle
from typing import Any

_classes: dict[str, type] = {}


def opened(encoded: str | bytes) -> Any:
    """The object behind a pickle, or one in base64 if it is text; may raise anything, since unpickling runs code."""
    return _Unpickler(io.BytesIO(encoded if isinstance(encoded, bytes) else base64.b64decode(encoded))).load()


class _Unpickler(pickle.Unpickler):
    """Makes a class that travels by value once for all pickles.

    cloudpickle makes it anew for every pickle and then takes the one it knows already, if that is still alive: where a
    metaclass does much, as that of a validator, this is most of the time that opening takes.
    """

    def find_class(self, module: str, name: str) -> Any:
        """As always, but for cloudpickle's maker of classes."""
        found = super().find_class(module, name)
        if name != "_make_skeleton_class":
            return found

        def make(*arguments: Any) -> type:
            identity = arguments[4]
            if identity not in _classes:
                made: type = found(*arguments)
                if identity is None:
                    return made
                _classes[identity] = made
            return _classes[identity]

        return make
