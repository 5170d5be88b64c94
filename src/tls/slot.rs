//! Places in the library's sessions for what is ours.

use std::sync::OnceLock;

use super::backend::lib::error::ErrorStack;
use super::backend::lib::ex_data::Index;
use super::backend::lib::ssl::{Ssl, SslRef};

/// A place that every session has, once it was filled. The library numbers it on first use.
pub(super) struct Slot<T>(OnceLock<Index<Ssl, T>>);

impl<T: Send + Sync + 'static> Slot<T> {
    pub(super) const fn new() -> Slot<T> {
        Slot(OnceLock::new())
    }

    fn index(&self) -> Result<Index<Ssl, T>, ErrorStack> {
        match self.0.get() {
            Some(index) => Ok(*index),
            None => {
                let index = Ssl::new_ex_index()?;
                Ok(*self.0.get_or_init(|| index))
            }
        }
    }

    /// Fills the place of one session; it is emptied with the session's end.
    pub(super) fn fill(&self, ssl: &mut SslRef, value: T) -> Result<(), ErrorStack> {
        ssl.set_ex_data(self.index()?, value);
        Ok(())
    }

    /// What a session has there.
    pub(super) fn of<'a>(&self, ssl: &'a SslRef) -> Option<&'a T> {
        ssl.ex_data(self.index().ok()?)
    }
}
