"""Worker processes: started, supervised, and the runs that they execute."""
