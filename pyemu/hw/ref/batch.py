"""Many accesses, one after the other, with a cursor that stops and goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyemu.hw import check, events
from pyemu.hw.faults import HardwareFault
from pyemu.hw.ref.paging import Paging
from pyemu.hw.tlb import HitLevel, TableRef

if TYPE_CHECKING:
    from pyemu.hw.ref.mmu import RefMmu

NO_ADDRESS = (1 << 64) - 1
"""What a batch writes for an access that faulted and was skipped."""


class RefBatch:
    """A batch of accesses and how far it got: see `pyemu.hw.Batch` for the contract."""

    pa: Any
    status: Any
    level: Any
    refs: Any
    fault: HardwareFault | None

    def __init__(
        self,
        mmu: RefMmu,
        addresses: Any,
        kinds: Any,
        out: Any,
        on_fault: str,
        detail: bool,
        log: events.EventLog | None,
    ) -> None:
        self._mmu = mmu
        self._skips = check.skips(on_fault)
        self._log = events.checked(log)
        self._addresses: list[int] = check.addresses(addresses).tolist()
        self.n = len(self._addresses)
        whats = check.kinds(kinds, self.n)
        check.all_kinds(whats)
        self._kinds: list[int] = whats.tolist()
        self.pa = check.output(out, self.n, addresses)
        self.status = self.level = self.refs = None
        if detail:
            self.status, self.level, self.refs = (
                check.results(code, self.n, addresses) for code in ("I", "B", "B")
            )
        self.n_done = 0
        self.n_faults = 0
        self.fault = None

    @property
    def done(self) -> bool:
        """Whether every access has been made."""
        return self.n_done == self.n

    def resume(self, quantum: int | None = None) -> RefBatch:
        """Go on with the access that faulted, or with the next one."""
        paging = self._mmu.loaded()
        n = check.quantum(quantum, self.n - self.n_done)
        events.used(self._log)
        self.fault = None
        self._mmu.log = self._log
        try:
            for i in range(self.n_done, self.n_done + n):
                if self._log is not None and self._log.full:
                    break
                self.fault = self._make(paging, i)
                if self.fault is not None:
                    break
                self.n_done = i + 1
        finally:
            self._mmu.log = None
        return self

    def _make(self, paging: Paging, i: int) -> HardwareFault | None:
        """Make access `i`; returns what stops the run."""
        mmu, refs, status, level, stop = self._mmu, list[TableRef](), 0, HitLevel.WALK, None
        mmu.index = i
        try:
            done = mmu.translate(paging, self._addresses[i], self._kinds[i], refs)
            self.pa[i], level = done.pa, done.level
        except HardwareFault as fault:
            self.n_faults += 1
            status = fault.status
            if self._skips:
                self.pa[i] = NO_ADDRESS
            else:
                stop = fault.with_traceback(None)
        if self.status is not None:
            self.status[i], self.level[i], self.refs[i] = status, level, len(refs)
        return stop
