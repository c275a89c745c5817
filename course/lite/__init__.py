"""The course as a static site: JupyterLite, Python in the browser, nothing to install and no server.

==================  ======================================================================================
``lessons``         which lessons run there, and why the others don't
``lock``            Pyodide's list of packages, made of the wheels that the site serves
``constraints.txt`` the build tools and the wheels, by version
``site``            all files of the site
==================  ======================================================================================

``python -m course.lite`` (``make lite``) builds it. What it needs from PyPI and npm stays in ``build/lite``.
"""
