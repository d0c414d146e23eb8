-- Roles with no more rights than they need. Run it once as the database's owner or a superuser:
--
--     createdb searches
--     psql -d searches -v ON_ERROR_STOP=1 -f roles.sql
--
-- tacet_coordinator  runs `tacet search`, `tacet copy`: owns the tables, which the first search makes
-- tacet_worker       runs `tacet worker`: reads studies, claims trials, delivers outcomes; changes no trial and no table
-- tacet_reader       runs `tacet show`, `tacet studies`, dashboards: reads
--
-- Nobody logs in as these. Make users and give them one, with passwords of their own:
--
--     create role gpu_nodes login in role tacet_worker;
--     create role searches login in role tacet_coordinator;
--     alter role searches set role tacet_coordinator;  -- what it makes belongs to the role
--     \password gpu_nodes

create role tacet_coordinator;
create role tacet_worker;
create role tacet_reader;

create schema tacet authorization tacet_coordinator;
create schema tacet_queue authorization tacet_coordinator;

grant usage on schema tacet to tacet_worker, tacet_reader;
grant usage on schema tacet_queue to tacet_worker;

-- Tables that are not there yet: what the coordinator's role makes gets these rights.
alter default privileges for role tacet_coordinator in schema tacet
  grant select on tables to tacet_worker, tacet_reader;
-- pg-boss's tables hold the queue and nothing else.
alter default privileges for role tacet_coordinator in schema tacet_queue
  grant select, insert, update, delete on tables to tacet_worker;
alter default privileges for role tacet_coordinator in schema tacet_queue
  grant usage on sequences to tacet_worker;
