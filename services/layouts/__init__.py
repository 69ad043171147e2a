"""Layouts of bills that are drafted from one of them: values, meters, charges, the address, the files."""
