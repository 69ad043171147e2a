"""Fake utilities: web sites that behave like a utility's customer portal, and know nothing of us.

So that either side's mistake is a failure and no agreement, nothing is imported from the rest: what the
portal is about has classes of its own here, some by the same names (Account, Address, Bill, Challenge, Clock,
Customer, Meter, Outcome, Portal, Visit).
"""
