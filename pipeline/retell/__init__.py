"""The Retell API: one call, or which calls there are, under the limits of the account.

Only this room speaks HTTP to the outside. The way of a request through it:

    client, listing   what is asked for, and what the reply means
    api               asks with retries, and ends the run where the API does not work at all
    sender            makes one attempt: sends, follows redirects, reads the answer
    http_client       the one `httpx.AsyncClient`: connections, proxies, certificates, headers

What is decided on the way, each in one place:

    retry             what is tried again, when, and for how long
    account           what the account's limits let through: `account_limit` follows the windows of a route
    rate_limit        how many requests are under way, and when the next may start, by `start_gate`
    base_url          where the key may be sent
    outage            how long a run goes on while nobody can be reached
    failures          what an error of the network means
    limit_headers     what an answer tells of a limit, with the server's own time of `http_dates`
    response          what a body is, read under the cap of `decoding`
"""
