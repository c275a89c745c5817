"""The learner's bundle of exercises, and the proof that no answer is in it.

::

    exercises --bundle--> files --texts--> every text, with its place --leak--> Report
    masters, right and wrong answers, checks --secrets--> what must not be there --^

==============  ====================================================================================
``tokens``      a text as tokens, so that layout, quotes, comments and local names don't matter
``secrets``     what must not be in a bundle: code of answers, drawn and expected values, seeds
``texts``       every text of a file: sources, outputs, metadata, attachments, what is encoded in them
``shown``       what is shown all the same, each with its stored reason (``shown.toml``)
``leak``        the search, and its report
``bundle``      the files of a bundle, the same bytes each time
``command``     ``faultlab release``
==============  ====================================================================================
"""
