"""A tool server for assistants (Model Context Protocol): may we contact this person, and the links of one message.

It asks the API over HTTP with a key of its own, like any other system, and knows nothing else of this product.
"""
