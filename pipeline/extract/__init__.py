"""Fetches calls and lands them: client, then judgement, then a landed chunk. No lock is held meanwhile."""
