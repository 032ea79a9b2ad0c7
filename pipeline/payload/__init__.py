"""What a payload may be: sound JSON, the API's contract, and no secret in what is kept."""
