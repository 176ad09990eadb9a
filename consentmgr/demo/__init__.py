"""A made-up register and three lists to screen with it, for whoever wants to see the product at work.

Everybody and everything in it is invented: names are drawn from the commonest ones and put together by chance,
domains end in ``.example``, telephone numbers and business ids come from ranges nobody has been given, and streets
do not exist. The register is written as documents and taken in by the importer, like any other.
"""
