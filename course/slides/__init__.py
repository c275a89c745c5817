"""Lessons as slides: reveal.js on this machine, no other host.

``deck``   what becomes of a lesson on slides: where they break, what is shortened, what goes into the notes
``pages``  the pages: nbconvert with our template, and npm's ``reveal.js`` beside them

``python -m course.slides [NN ...]`` (``make slides``) writes ``build/slides/NN.html``.
"""
