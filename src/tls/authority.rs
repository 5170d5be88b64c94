//! A small certificate authority for bring-up and tests.
