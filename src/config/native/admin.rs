//! What tells over HTTP how the program is.

use crate::config::address::Address;
use crate::config::model::{Admin, AdminListener, Serves};
use crate::config::reader::ObjectReader;
use crate::config::value;

/// The keys of its listeners.
const LISTENERS: [(&str, Serves); 3] = [
    ("listen", Serves::Everything),
    ("health", Serves::Health),
    ("metrics", Serves::Metrics),
];

/// What the object says.
pub(super) fn read(reader: &mut ObjectReader<'_>) -> Admin {
    let mut listeners = Vec::new();
    for (key, serves) in LISTENERS {
        let addresses = reader.take_any_number(key, value::address);
        let addresses = addresses.ok().flatten().unwrap_or_default();
        let listener = |address| AdminListener { address, serves };
        listeners.extend(addresses.into_iter().map(listener));
    }
    let default = Admin::default();
    Admin {
        listeners,
        metric_prefix: reader.take_or("metric_prefix", default.metric_prefix, value::metric_prefix),
    }
}

/// Where it listens, each with the path of its key.
pub(super) fn listeners(admin: &Admin) -> impl Iterator<Item = (String, &Address)> {
    admin.listeners.iter().map(|listener| {
        let key = LISTENERS
            .iter()
            .find(|(_, serves)| *serves == listener.serves);
        let key = key.map_or("listen", |(key, _)| *key);
        (format!("admin.{key}"), &listener.address)
    })
}

/// The addresses of each key.
pub(super) fn by_key(admin: &Admin) -> impl Iterator<Item = (&'static str, Vec<&Address>)> {
    LISTENERS.into_iter().map(|(key, serves)| {
        let listeners = admin.listeners.iter();
        let own = listeners.filter(move |listener| listener.serves == serves);
        (key, own.map(|listener| &listener.address).collect())
    })
}
