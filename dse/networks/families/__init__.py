"""The builders of the families; importing the package records them. A builder that has towers imports theirs."""

from importlib import import_module
from pkgutil import iter_modules

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
