"""The engine that visits a portal: browser, visit, outcomes, connect, collect, ledger. No utility by name."""
