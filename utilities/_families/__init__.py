"""What the scripts of several utilities share: a module for each family of portals."""
