"""The dashboard: pages for a company's people, who sign in."""
