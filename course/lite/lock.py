"""Pyodide's lock file: the packages that it loads, made of the wheels that the site serves.

The lock of npm's ``pyodide`` names wheels that the package doesn't hold, with the digests of Pyodide's own
builds. The same releases from PyPI are other files. So every entry is written anew, from the wheels.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterable, Mapping
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from pyemu.errors import MaterialError

__all__ = ["entry", "locked", "normal"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def normal(name: str) -> str:
    """Give a package's name as an index spells it.

    Examples
    --------
    >>> normal("Ipython_Pygments.Lexers")
    'ipython-pygments-lexers'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(given: Mapping[str, Any], wheels: Iterable[Path]) -> dict[str, Any]:
    """Give a lock that lists these wheels and no others.

    Parameters
    ----------
    given : mapping
        Pyodide's own lock; what it says of Python and of the platform is kept.
    wheels : iterable of Path
        Pure wheels. They are served beside the lock.

    Returns
    -------
    dict
        To be written as JSON.

    Raises
    ------
    MaterialError
        A wheel is not pure, can't be read, or there are two of one package.
    """
    packages: dict[str, Any] = {}
    for wheel in sorted(wheels):
        found = entry(wheel)
        name = normal(found["name"])
        if name in packages:
            other = packages[name]["file_name"]
            raise MaterialError(f"{other} and {wheel.name} are wheels of one package; remove one of them.")
        packages[name] = found
    for one in packages.values():  # a package's requirement that is not served is not needed in a browser
        one["depends"] = [name for name in one["depends"] if name in packages]
    return {"info": dict(given["info"]), "packages": packages}


def entry(wheel: Path) -> dict[str, Any]:
    """Give the entry of a wheel, with all that it may require.

    Parameters
    ----------
    wheel : Path
        A pure wheel.

    Returns
    -------
    dict
        As Pyodide reads it.

    Raises
    ------
    MaterialError
        It is no pure wheel.
    """
    if not wheel.name.endswith("-none-any.whl"):
        raise MaterialError(f"{wheel.name} is no pure wheel (*-none-any.whl); Pyodide can't load it.")
    try:
        with zipfile.ZipFile(wheel) as packed:
            files = packed.namelist()
            (described,) = [one for one in files if re.fullmatch(r"[^/]+\.dist-info/METADATA", one)]
            said = HeaderParser().parsestr(packed.read(described).decode())
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise MaterialError(f"{wheel.name} can't be read as a wheel ({error}); fetch it again.") from None
    needs = [one for one in said.get_all("Requires-Dist") or [] if "extra ==" not in one]
    names = [match.group() for one in needs if (match := NAME.match(one))]
    return {
        "name": said["Name"],
        "version": said["Version"],
        "file_name": wheel.name,
        "install_dir": "site",
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "package_type": "package",
        "imports": sorted(_modules(files)),
        "depends": sorted({normal(name) for name in names}),
        "unvendored_tests": False,
    }


def _modules(files: Iterable[str]) -> set[str]:
    """Give the names that can be imported from a wheel with these files."""
    tops = {one.split("/")[0] for one in files if one.endswith(".py")}
    return {one.removesuffix(".py") for one in tops if one.removesuffix(".py").isidentifier()}
