"""A real page table from the command line: what it maps, and how the processor walks it.

===========  ==============================================================
``dump``     physical memory in a file: raw, or an ELF core of a guest
``walk``     one access, level by level, and why it faults
``listing``  all that a table maps, in ranges
``report``   both as text and as data
``command``  the command ``faultlab walk``
===========  ==============================================================

``linux-6.1.elf.gz`` is a real dump that comes along. On Debian 12, QEMU 7.2 (package qemu-system-x86
1:7.2+dfsg-7+deb12u18+b3, TCG) booted Debian's kernel 6.1.0-56-cloud-amd64 (6.1.192-2) with 256 MiB and a
busybox 1.35.0 shell as its user::

    qemu-system-x86_64 -accel tcg -cpu Skylake-Client-v4 -m 256 -kernel vmlinuz-6.1.0-56-cloud-amd64
        -initrd busybox.gz -append "console=ttyS0 nopti nokaslr panic=-1 quiet" ...

While the shell spun in user mode, ``dump-guest-memory`` wrote all memory. Of that file the 109 pages
were kept that are tables of this process, as segments of an ELF core, and QEMU's note with the registers.
No page of the program or of the kernel is in it. What QEMU itself says of these tables (``info mem`` and
``info tlb``), and what the process read in its ``/proc/PID/maps`` before it began to spin, stands in
``tests/data/walk``.
"""
