"""Looks for what keeps the pipeline from working, and says what to do about it; it repairs nothing itself.

Invariant: whatever is missing, broken or out of reach is a finding, never an error.

examine       runs all checks, in this order:
versions      of the packages that the pipeline needs
api           key, endpoint, clock (one request)
data_folder   disk, permissions, files that a killed process left
warehouse     lock, schema, chunks that wait for a load, the readers' copy
finding       what each check returns
"""
