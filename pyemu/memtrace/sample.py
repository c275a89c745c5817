r"""The trace that comes along: 12 million accesses of a Perl script that fills a hash, sorts it, and adds up.

It was recorded on Debian 12.11 (x86-64) with perl-base 5.36.0-7+deb12u2, libc6 2.36-9+deb12u14 and valgrind
1:3.19.0-1, on the date in its header, by::

    PERL_HASH_SEED=0 LC_ALL=C faultlab trace record -o sample.memtrace -- perl -e SCRIPT

where SCRIPT is, in one line::

    my %h; $h{$_ * 7919} = $_ for 1 .. 1500; my $s = 0;
    $s += $h{$_} for sort { $a <=> $b } keys %h; print "$s\n"

Its phases can be seen: the loader, Perl's start, a heap that grows page by page, a sort that works on few
pages, and a sum that jumps through all of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["SAMPLE"]

SAMPLE: Final = Path(__file__).with_name("sample.memtrace")
"""Its file."""
