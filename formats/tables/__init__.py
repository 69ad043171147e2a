"""Interval tables: CSV, NEM12 (AEMO), workbooks and tables in web pages, read by layouts."""
