"""Storage: tables, database, vault, content-addressed files, and the ``Store`` the other rooms speak to."""
