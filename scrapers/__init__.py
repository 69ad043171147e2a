"""The engine that visits a portal: browser, visit, outcomes, connect, collect, ledger. No utility by name."""

RUN_SECONDS = 1800.0
"""How long a run may take, but for what a person takes to answer."""
