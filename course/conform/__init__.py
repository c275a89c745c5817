"""Records of real kernels: predict one, and compare the emulator with those that were recorded.

::

    kernels             a kernel's label -> the tree that models it, or the nearest one; its machine
    records             files of records, checked line by line
    comparison          what comes out of comparing one record
    replay              every record gets a row with a verdict
    report              rows and verdicts, as a table and as JSON
    command, predict    ``faultlab conform`` and ``faultlab predict``

One kind of record after the other, each with its scenarios and its rules::

    experiment, prediction, compare     userfault: one access served by a monitor
    sequence_cases, sequence            plain steps
    slow_file                           a major fault on a slow disk
    script, script_monitor, script_tasks, script_trace, script_prediction
                                        a monitor's script on a kernel with single patches
    measure                             counters and marks in a trace
    rules                               what is compared of the last three
"""
