-- Start to listen. Parameters: $uri; $token, which clients must show; $beyond, whether others than this machine
-- may be listened to.
call quack_serve($uri, token = $token, allow_other_hostname = $beyond);
