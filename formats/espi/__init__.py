"""Green Button data (NAESB REQ.21, espi.xsd, in Atom): read as a stream, and written."""
