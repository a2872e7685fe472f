"""What the stand-in kube-apiserver publishes for servers like ours, changed while it runs."""

from collections.abc import Mapping

from adapter.sim.kube_objects import ObjectStore
from adapter.sim.kube_resources import config_map_object

NAMESPACE = "kube-system"
NAME = "extension-apiserver-authentication"


class PublishedAuthentication:
    """ConfigMap ``kube-system/extension-apiserver-authentication``; watches see each change.

    Args:
        store: Where it is kept.
        data: What it says at first.
        created: Unix seconds.
    """

    def __init__(self, store: ObjectStore, data: Mapping[str, str], created: float) -> None:
        self._store = store
        self._created = created
        self._data = dict(data)
        self._put()

    @property
    def data(self) -> Mapping[str, str]:
        """What it says."""
        return self._data

    def change(self, **values: str | None) -> None:
        """Give keys new texts, or with None take them out; ``-`` is written as ``_``."""
        for name, text in values.items():
            key = name.replace("_", "-")
            if text is None:
                self._data.pop(key, None)
            else:
                self._data[key] = text
        self._put()

    def delete(self) -> None:
        """Take the whole object away."""
        self._store.delete("configmaps", NAMESPACE, NAME)

    def _put(self) -> None:
        made = config_map_object(NAMESPACE, NAME, dict(self._data), self._created)
        self._store.put("configmaps", made)
