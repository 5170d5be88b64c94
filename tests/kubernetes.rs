//! The manifests of `config/kubernetes`: what Kubernetes makes of them, and what the program does with the
//! configurations in them.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "kubernetes/configurations.rs"]
mod configurations;
#[path = "kubernetes/manifests.rs"]
mod manifests;
#[path = "kubernetes/pods.rs"]
mod pods;
#[path = "kubernetes/rendered.rs"]
mod rendered;
#[path = "kubernetes/running.rs"]
mod running;
mod support;
