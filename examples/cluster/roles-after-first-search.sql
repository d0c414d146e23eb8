-- What workers may write, once the first `tacet search` has made the tables. Run it as roles.sql was.
grant insert on tacet.delivery to tacet_worker;
grant insert, update, delete on tacet.worker to tacet_worker;
