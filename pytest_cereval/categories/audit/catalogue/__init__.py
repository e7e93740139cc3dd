"""The weaknesses that can be planted, as data; the order within a class says nothing."""

from __future__ import annotations

from pytest_cereval.categories.audit.catalogue.code import FEATURES as CODE
from pytest_cereval.categories.audit.catalogue.files import FEATURES as FILES
from pytest_cereval.categories.audit.catalogue.formats import FEATURES as FORMATS
from pytest_cereval.categories.audit.catalogue.parsing import FEATURES as PARSING
from pytest_cereval.categories.audit.catalogue.requests import FEATURES as REQUESTS
from pytest_cereval.categories.audit.catalogue.secrets import FEATURES as SECRETS
from pytest_cereval.categories.audit.catalogue.shell import FEATURES as SHELL
from pytest_cereval.categories.audit.catalogue.sql import FEATURES as SQL
from pytest_cereval.categories.audit.feature import Feature

FEATURES: tuple[Feature, ...] = (*SQL, *SHELL, *FILES, *CODE, *PARSING, *REQUESTS, *FORMATS, *SECRETS)
