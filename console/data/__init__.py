"""Commands about data: read a file, export, coverage, read stored bills again."""
