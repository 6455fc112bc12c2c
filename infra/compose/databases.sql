-- Run once by the image of PostgreSQL, in an empty volume: a role for each program, and its databases.
--
-- A role owns its own databases and can connect to no other. The passwords come from the environment.
\set ON_ERROR_STOP on
\getenv prefect PREFECT_PASSWORD
\getenv mlflow MLFLOW_PASSWORD
\getenv rarecall RARECALL_PASSWORD

CREATE ROLE prefect LOGIN PASSWORD :'prefect';
CREATE ROLE mlflow LOGIN PASSWORD :'mlflow';
CREATE ROLE rarecall LOGIN PASSWORD :'rarecall';

CREATE DATABASE prefect OWNER prefect;
CREATE DATABASE mlflow OWNER mlflow;
CREATE DATABASE ledger OWNER rarecall;
CREATE DATABASE feast OWNER rarecall;
CREATE DATABASE predictions OWNER rarecall;

REVOKE CONNECT ON DATABASE prefect, mlflow, ledger, feast, predictions FROM PUBLIC;

-- Prefect's migrations want it, and its role may make it only where the extension counts as trusted.
\connect prefect
CREATE EXTENSION IF NOT EXISTS pg_trgm;
