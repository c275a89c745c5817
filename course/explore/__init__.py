"""Every interleaving from the command line: what one tree shows, what two do, which patch changes it.

==================  =====================================================================
``processes``       trees that are explored side by side, with progress on a terminal
``report``          findings and endings as text, tables and data
``command``         the command ``faultlab explore``
``bisect_report``   trees that were asked and patches that were found, likewise
``bisect_command``  the command ``faultlab bisect``
==================  =====================================================================
"""
