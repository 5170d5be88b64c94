//! Whether threads still take messages.

use std::sync::Arc;

/// A question to any number of threads. Each has its own copy in its mailbox, and who takes the message
/// has answered by dropping it: that costs a thread nothing but the message. One that has ended has
/// dropped its mailbox, and so asks nobody to wait for it.
#[derive(Clone, Debug, Default)]
pub struct RollCall(Arc<()>);

impl RollCall {
    /// Whether nobody has a copy of it any more.
    pub fn is_answered(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}
