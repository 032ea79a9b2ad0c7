-- Let every query of a client be judged, no file or address be reached from SQL, and no setting be changed again.
-- Runs once, when all that the server needs is open.
set global quack_authorization_function = 'guard.main.is_question';

set enable_external_access = false;

set lock_configuration = true;
