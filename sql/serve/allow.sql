-- Name the one folder whose files the server may open. Parameter: $folder. Runs before sql/serve/lock.
set allowed_directories = [$folder];
