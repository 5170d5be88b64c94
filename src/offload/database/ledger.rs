//! The connections that have ended, as rows of a table.

use std::io;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio_postgres::types::{ToSql, Type};

use super::link::{Link, Trouble};
use super::settings::Settings;
use super::store::runtime;
use crate::route::Row;

/// All rows of a batch at once.
const STATEMENT: &str = "\
    INSERT INTO connection_log \
        (ended_at, org_id, user_id, connect_id, inbound, outbound, bytes_outward, bytes_inward, \
         duration_ms, reason) \
    SELECT to_timestamp(ended), org, usr, host, inb, outb, outward, inward, ms, why \
    FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
        AS rows (ended, org, usr, host, inb, outb, outward, inward, ms, why)";

/// A connection for rows. Belongs to one thread.
pub struct Ledger {
    settings: Settings,
    runtime: Runtime,
    link: Option<Link>,
}

impl Ledger {
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// The system refuses a poller.
    pub fn new(settings: Settings) -> io::Result<Ledger> {
        Ok(Ledger {
            settings,
            runtime: runtime()?,
            link: None,
        })
    }

    /// Writes the rows, all or none.
    ///
    /// # Errors
    /// What the database says. An answer that was not heard may have been a good one: then rows may come twice.
    pub fn write(&mut self, records: &[Row]) -> Result<(), String> {
        let Ledger {
            settings,
            runtime,
            link,
        } = self;
        runtime
            .block_on(insert(settings, link, records))
            .map_err(|trouble| trouble.to_string())
    }
}

async fn insert(
    settings: &Settings,
    slot: &mut Option<Link>,
    records: &[Row],
) -> Result<(), Trouble> {
    slot.take_if(|link| link.is_over());
    let link = match slot {
        Some(link) => link,
        None => slot.insert(Link::open(settings).await?),
    };
    let patience = settings.database.timeout;
    match put(link, patience, &Columns::of(records, as_it_is)).await {
        // Clients say what they like, and not every database has a place for all of it.
        Err(Trouble::Nonsense) => put(link, patience, &Columns::of(records, in_ascii)).await,
        outcome => outcome,
    }
}

async fn put(link: &mut Link, patience: Duration, columns: &Columns) -> Result<(), Trouble> {
    let written = link.run(patience, async |client| {
        client.query_typed(STATEMENT, &columns.parameters()).await
    });
    written.await.map(drop)
}

/// A text without the only character that no database has a place for.
fn as_it_is(text: &str) -> String {
    text.replace('\0', " ")
}

/// A text in characters that every database has a place for, the others by their numbers.
fn in_ascii(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    for letter in as_it_is(text).chars() {
        match letter.is_ascii() {
            true => ascii.push(letter),
            false => ascii.extend(letter.escape_unicode()),
        }
    }
    ascii
}

/// The rows, column by column.
struct Columns {
    numbers: [Vec<i64>; 4],
    texts: [Vec<Option<String>>; 6],
}

impl Columns {
    fn of(records: &[Row], written: fn(&str) -> String) -> Columns {
        let number = |of: fn(&Row) -> u64| {
            let numbers = records.iter().map(of);
            numbers
                .map(|n| i64::try_from(n).unwrap_or(i64::MAX))
                .collect()
        };
        let text = |of: fn(&Row) -> Option<&str>| {
            let texts = records.iter().map(of);
            texts.map(|text| text.map(written)).collect()
        };
        Columns {
            numbers: [
                records.iter().map(|record| record.ended_at).collect(),
                number(|record| record.bytes_outward),
                number(|record| record.bytes_inward),
                number(|record| u64::try_from(record.duration.as_millis()).unwrap_or(u64::MAX)),
            ],
            texts: [
                text(|record| record.user.as_ref().map(|(org, _)| &**org)),
                text(|record| record.user.as_ref().map(|(_, user)| &**user)),
                text(|record| record.host.as_deref()),
                text(|record| Some(&record.inbound)),
                text(|record| record.outbound.as_deref()),
                text(|record| Some(record.reason)),
            ],
        }
    }

    fn parameters(&self) -> [(&(dyn ToSql + Sync), Type); 10] {
        let [ended, outward, inward, duration] = &self.numbers;
        let [org, user, host, inbound, outbound, reason] = &self.texts;
        [
            (ended, Type::INT8_ARRAY),
            (org, Type::TEXT_ARRAY),
            (user, Type::TEXT_ARRAY),
            (host, Type::TEXT_ARRAY),
            (inbound, Type::TEXT_ARRAY),
            (outbound, Type::TEXT_ARRAY),
            (outward, Type::INT8_ARRAY),
            (inward, Type::INT8_ARRAY),
            (duration, Type::INT8_ARRAY),
            (reason, Type::TEXT_ARRAY),
        ]
    }
}
