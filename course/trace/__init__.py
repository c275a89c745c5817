"""Memory accesses of real programs from the command line: record, look, run through TLBs, curves.

=============  ===========================================================================
``lackey``     what valgrind's lackey prints, as addresses and kinds
``record``     a command under valgrind, its accesses into a file as they come
``options``    numbers, files and geometries as the commands take them
``run``        a file through the emulated MMU
``report``     what the commands print
``plot``       curves as pictures (matplotlib)
``command``    the commands ``faultlab trace record``, ``show``, ``run``, ``curve``
=============  ===========================================================================
"""
