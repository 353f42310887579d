"""From the bytes of a file to its hashes, and the index that hashes are looked up in.

Pure: no database, web, network or settings; limits come in as parameters. Hostile bytes are decoded in isolated
processes only.
"""
