"""Run a scenario from the command line, on one tree or on two.

=============  =======================================================
``show``       what one run, or two, look like as text
``library``    the table of scenarios
``command``    the commands ``faultlab run`` and ``faultlab scenarios``
=============  =======================================================
"""
