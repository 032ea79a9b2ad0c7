-- Stop to listen, and forget every session. Parameter: $uri.
call quack_stop($uri);
