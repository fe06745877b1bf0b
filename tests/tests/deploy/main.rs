//! What `deploy/` offers, executed: rules, dashboard, queries and manifests, with real events and metrics.

mod kubernetes;
mod observability;
mod runbooks;
mod shippers;
mod sql;
