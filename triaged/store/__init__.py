"""The two databases. Every SQL statement of the program stands in this folder.

connection.py   how a database is opened, and what a transaction is
schema.py       tables and numbered migrations of both
roots.py photos.py acts.py links.py   the precious one, triaged.db
features.py     the rebuildable one, features.db
"""
