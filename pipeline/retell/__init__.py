"""The Retell API: one call (client), or which calls there are (listing), under the limits of the account.

Only this room speaks HTTP to the outside: one place decides where the key goes (base_url).
"""
