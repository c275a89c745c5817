"""Records of real kernels: predict one, and compare the emulator with those that were recorded.

::

    kernels      a kernel's label -> the tree that models it
    experiment   what was recorded: access, event, memory -> a scenario
    prediction   scenario and tree -> the fields of a record
    records      files of records, checked line by line
    compare      the rules: what is compared, how, and what isn't
    report       rows and verdicts, as a table and as JSON
    command      ``faultlab conform`` and ``faultlab predict``
"""
