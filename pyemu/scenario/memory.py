"""Checks the memory of a scenario: its files, and the areas that show them or memory of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyemu.flags import HPAGE_SIZE, PAGE_SIZE, UffdFeature
from pyemu.scenario.checks import Checks, numbered
from pyemu.scenario.model import Area, FileSpec
from pyemu.scenario.steps import MODES

FIRST_ADDRESS = 0x7F00_0000_0000
AREA_DISTANCE = 1 << 30
LAST_ADDRESS = 1 << 47
MAX_PAGES = 512
MAX_HUGE_PAGES = 32
FILE_KINDS = ("disk", "tmpfs", "hugetlbfs")
DRIVERS = ("faulty", "oom", "sigsegv")
AREA_KINDS = ("anon", "shmem", "file", "hugetlb", *DRIVERS)
AREA_KEYS = (
    *("name", "process", "address", "pages", "prot", "populated"),
    *("userfaultfd", "features", "user_mode_only"),
    *("kind", "shared", "file", "first_page", "random", "reserve"),
    *("swapped", "protected", "byte"),
)
FILE_KEYS = ("name", "kind", "pages", "byte", "cached", "io_ticks", "read_ahead", "throttle")


class MemoryChecks(Checks):
    """Checks files and areas."""

    def name(self, row: Any, place: str) -> str:
        """Check a table and its name."""
        if not isinstance(row, Mapping):
            raise self.fail(f"{place} is {row!r}; it must be a table.")
        name = self.text(self.need(dict(row), "name", place), f"{place}.name")
        if not name:
            raise self.fail(f"{place}.name is empty; it needs at least one character.")
        return name

    def files(self, rows: list[Any]) -> tuple[FileSpec, ...]:
        """Check the files."""
        files: list[FileSpec] = []
        for place, row in enumerate(rows):
            name = self.name(row, f"files[{place}]")
            if any(other.name == name for other in files):
                raise self.fail(f"files[{place}].name is {name!r}, which another file has; names are unique.")
            here, default = f"file {name}", FileSpec(name)
            table = self.table(row, here, FILE_KEYS)
            pages = self.number(table.get("pages", default.pages), f"{here}: pages", 1, MAX_PAGES)
            files.append(
                FileSpec(
                    name,
                    self.choice(table.get("kind", default.kind), f"{here}: kind", FILE_KINDS),
                    pages,
                    self.number(table.get("byte", default.byte), f"{here}: byte", 0, 255),
                    self.cached(table.get("cached", False), f"{here}: cached", pages),
                    self.number(table.get("io_ticks", default.io_ticks), f"{here}: io_ticks", 0, 10**12),
                    self.number(
                        table.get("read_ahead", default.read_ahead), f"{here}: read_ahead", 0, MAX_PAGES
                    ),
                    self.number(table.get("throttle", default.throttle), f"{here}: throttle", 0, 10**12),
                )
            )
        return tuple(files)

    def cached(self, value: Any, place: str, pages: int) -> tuple[int, ...]:
        """Check which pages of a file are cached: all, none, or those that are listed."""
        if isinstance(value, bool):
            return tuple(range(pages)) if value else ()
        if not isinstance(value, list | tuple):
            raise self.fail(f"{place} is {value!r}; it must be true (all), false (none) or a list of pages.")
        return tuple(self.number(one, place, 0, pages - 1) for one in value)

    def areas(self, rows: list[Any], processes: list[str], files: tuple[FileSpec, ...]) -> tuple[Area, ...]:
        """Check the areas."""
        areas: list[Area] = []
        for place, row in enumerate(rows):
            name = self.name(row, f"areas[{place}]")
            here = f"area {name}"
            table = self.table(row, here, AREA_KEYS)
            kind, file = self.backing(table, here, files)
            huge = kind == "hugetlb" or any(one.name == file and one.kind == "hugetlbfs" for one in files)
            size = HPAGE_SIZE if huge else PAGE_SIZE
            most = MAX_HUGE_PAGES if huge else MAX_PAGES
            pages = self.number(table.get("pages", 1), f"{here}: pages", 1, most)
            default = FIRST_ADDRESS + place * AREA_DISTANCE
            last = LAST_ADDRESS - pages * size
            address = self.number(table.get("address", default), f"{here}: address", PAGE_SIZE, last)
            if address % size:
                raise self.fail(f"{here}: address is {address:#x}; it must be a multiple of {size}.")
            area = Area(
                name,
                self.choice(table.get("process", processes[0]), f"{here}: process", tuple(processes)),
                address,
                pages,
                self.choice(table.get("prot", "rw"), f"{here}: prot", ("r", "rw")),
                self.pages(table, "populated", here, pages),
                *self.registration(table, here),
                kind,
                self.truth(table.get("shared", kind in ("shmem", *DRIVERS)), f"{here}: shared"),
                file,
                self.number(table.get("first_page", 0), f"{here}: first_page", 0, MAX_PAGES - 1),
                self.truth(table.get("random", False), f"{here}: random"),
                self.pages(table, "swapped", here, pages),
                self.pages(table, "protected", here, pages),
                self.number(table.get("byte", 0), f"{here}: byte", 0, 255),
                self.truth(table.get("reserve", True), f"{here}: reserve"),
                huge,
            )
            self.check_kind(area, here, files)
            self.check_pages(area, here)
            self.check_place(area, f"areas[{place}]", areas)
            areas.append(area)
        self.check_registrations(tuple(areas))
        return tuple(areas)

    def pages(self, table: dict[str, Any], key: str, here: str, pages: int) -> tuple[int, ...]:
        """Check a list of pages of an area."""
        listed = self.tables(table.get(key, []), f"{here}: {key}")
        return tuple(self.number(one, f"{here}: {key}", 0, pages - 1) for one in listed)

    def check_pages(self, area: Area, here: str) -> None:
        """Check that what an area says of its pages goes together."""
        if area.swapped and area.kind != "anon":
            raise self.fail(
                f"{here}: swapped is {list(area.swapped)}, and kind is {area.kind!r}; only pages of kind "
                "'anon' are swapped out. Take it out."
            )
        both = sorted({*area.swapped} & {*area.populated})
        if both:
            raise self.fail(
                f"{here}: page {both[0]} is populated and swapped; a page is in one place. Name it once."
            )
        if area.protected and "wp" not in area.userfaultfd:
            raise self.fail(
                f"{here}: protected is {list(area.protected)}, and userfaultfd is {area.userfaultfd!r}; ask "
                "it for 'wp' or 'missing+wp'."
            )
        nowhere = sorted({*area.protected} - {*area.populated, *area.swapped})
        if nowhere:
            raise self.fail(
                f"{here}: page {nowhere[0]} is protected, and neither populated nor swapped; a missing page "
                "has no mark. Name it there as well."
            )

    def backing(self, table: dict[str, Any], here: str, files: tuple[FileSpec, ...]) -> tuple[str, str]:
        """Check what an area shows: memory of its own, or a file."""
        kind = self.choice(
            table.get("kind", "file" if "file" in table else "anon"), f"{here}: kind", AREA_KINDS
        )
        if "file" not in table:
            if kind == "file":
                raise self.fail(
                    f"{here}: kind is 'file', and the key `file` is missing: name one of `files`."
                )
            return kind, ""
        if kind != "file":
            raise self.fail(f"{here}: kind is {kind!r}, and it names a file; an area of a file is 'file'.")
        if not files:
            raise self.fail(
                f"{here}: file is {table['file']!r}, but the scenario has no [[files]]; add it there."
            )
        return kind, self.choice(table["file"], f"{here}: file", tuple(one.name for one in files))

    def registration(self, table: dict[str, Any], here: str) -> tuple[str, tuple[str, ...], bool]:
        """Check what a userfaultfd serves an area for, and how that was made."""
        asked = table.get("userfaultfd", False)
        if isinstance(asked, bool):
            asked = "missing" if asked else ""
        elif not isinstance(asked, str) or asked not in MODES:
            raise self.fail(
                f"{here}: userfaultfd is {asked!r}; it must be true, false or one of {', '.join(MODES)}."
            )
        features = self.tables(table.get("features", []), f"{here}: features")
        known = tuple(one.name or "" for one in UffdFeature)
        return (
            asked,
            tuple(self.choice(one, f"{here}: {key}", known) for key, one in numbered("features", features)),
            self.truth(table.get("user_mode_only", False), f"{here}: user_mode_only"),
        )

    def check_registrations(self, areas: tuple[Area, ...]) -> None:
        """Check that the areas of a process agree on their userfaultfd: it has one."""
        made: dict[str, Area] = {}
        for area in areas:
            how = (set(area.features), area.user_mode_only)
            if not area.userfaultfd:
                if any(how):
                    raise self.fail(
                        f"area {area.name} has features or user_mode_only, but no userfaultfd; give it one."
                    )
                continue
            first = made.setdefault(area.process, area)
            if (set(first.features), first.user_mode_only) != how:
                raise self.fail(
                    f"area {area.name}: features and user_mode_only differ from those of area {first.name}; "
                    "a process has one userfaultfd."
                )

    def check_kind(self, area: Area, here: str, files: tuple[FileSpec, ...]) -> None:
        """Check that the keys of an area fit its kind."""
        if area.kind == "anon" and area.shared:
            raise self.fail(
                f"{here}: shared is true, and kind is 'anon'; shared memory without a file is 'shmem'."
            )
        if area.kind != "file" and (area.random or area.first_page):
            key = "random" if area.random else "first_page"
            raise self.fail(
                f"{here}: {key} is for areas of kind 'file'; this one is {area.kind!r}. Take it out."
            )
        on_disk = any(one.name == area.file and one.kind == "disk" for one in files)
        if area.userfaultfd and (on_disk or area.kind in DRIVERS):
            raise self.fail(
                f"{here}: userfaultfd is set; it serves areas of kind 'anon', 'shmem' and 'hugetlb', and "
                "files of kind 'tmpfs' and 'hugetlbfs'. Take one of these."
            )
        if "minor" in area.userfaultfd and area.kind == "anon":
            raise self.fail(
                f"{here}: userfaultfd is {area.userfaultfd!r}; only what has a cache can have minor "
                "faults. Take an area of kind 'shmem' or 'hugetlb', or of a file."
            )
        if not area.reserve and not area.huge:
            raise self.fail(
                f"{here}: reserve is for areas of huge pages; this one is {area.kind!r}. Take it out."
            )
        if area.huge and area.file and not area.shared:
            raise self.fail(
                f"{here}: shared is false; an area of a file of kind 'hugetlbfs' is shared in this model. "
                "Set shared = true, or take kind = 'hugetlb' without a file."
            )
        if "wp" in area.userfaultfd and area.kind != "anon":
            raise self.fail(
                f"{here}: userfaultfd is {area.userfaultfd!r}; only areas of kind 'anon' are write-protected."
                " Ask for 'missing'."
            )

    def check_place(self, area: Area, place: str, areas: list[Area]) -> None:
        """Check that an area has a name of its own and lies apart from the others of its process."""
        for other in areas:
            if other.name == area.name:
                raise self.fail(f"{place}.name is {area.name!r}, which another area has; names are unique.")
            apart = (
                area.address >= other.address + other.pages * other.page_size
                or other.address >= area.address + area.pages * area.page_size
            )
            if other.process == area.process and not apart:
                raise self.fail(f"area {area.name} overlaps area {other.name}; areas of a process lie apart.")
