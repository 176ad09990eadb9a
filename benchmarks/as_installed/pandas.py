"""Stands before pandas on the path of the product's processes, which must find none.

pandas is no part of the product: it is here for the rival that is written with it. PyArrow loads pandas, a third of
a second's work, wherever it finds one, and a user's installation has none to find.
"""

raise ImportError("pandas is no part of an installation of consentmgr")
