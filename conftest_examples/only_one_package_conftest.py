"""Ask only the tasks of one package; run with `CEREVAL_PACKAGE=shop.prices`."""

import os


def pytest_collection_modifyitems(config, items):
    wanted = os.environ["CEREVAL_PACKAGE"]
    chosen = [item for item in items if item.name.startswith(f"{wanted}.")]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen
