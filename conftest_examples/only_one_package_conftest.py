"""Ask only the tasks of one package where `CEREVAL_PACKAGE=shop.prices` is set, else all."""

import os


def pytest_collection_modifyitems(config, items):
    wanted = os.environ.get("CEREVAL_PACKAGE")
    if not wanted:
        return
    chosen = [item for item in items if item.name.startswith(f"{wanted}.")]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen
