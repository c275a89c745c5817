"""Every interleaving from the command line: what one tree shows, and what two do.

=============  =====================================================
``processes``  explorations side by side, with progress on a terminal
``report``     findings and endings as text, tables and data
``command``    the command ``faultlab explore``
=============  =====================================================
"""
