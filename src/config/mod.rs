//! A configuration's text becomes a validated model, or all of its problems at once.

mod address;
mod host;
mod model;
mod problem;

pub use self::address::{Address, AddressError, Host};
pub use self::host::{HostNameError, ServerName};
pub use self::model::{
    Config, Limits, Mode, OnTruncation, Pair, TcpOptions, Timeouts, TlsFiles, TlsVersion,
};
pub use self::problem::{Place, Problem, Problems};
