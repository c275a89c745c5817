"""The stepper's picture: everything it shows is computed here once, and walked through in the browser.

============  ==============================================================================================
``rows``      which events stand in which row of the line that the cursor walks on
``states``    what is true after each event, as texts in slots: tasks, lock, areas, entries, TLBs, queues
``tables``    entries of the page table, followed through the writes to RAM
``lanes``     what each task, the lock and each CPU are doing, for the bars
``sources``   the kernel functions' source, and the line at which a function stands
``wire``      all of it as names and one run of bytes, with little-endian records
``palette``   the colours of both themes, and how far they are apart
``page``      the picture without a script, and a page that needs neither a kernel nor a network
``widget``    the widget of a notebook
============  ==============================================================================================

The other half is JavaScript in ``static``: plain modules that a page, a notebook and Node load as they are.
"""
