//! The export file: everything a node holds about its person, readable without Maille.
//!
//! ```json
//! {
//!   "format": "maille-export", "format_version": 1,
//!   "person": "person1…",
//!   "records":  [ {"kind": "trip", …}, {"kind": "reading", …} ],
//!   "given":    [ share, … ],
//!   "received": [ {"share": share, "rows": [ {"week": …}, … ]}, … ],
//!   "sent":     [ entry, … ]
//! }
//! ```
//!
//! Units are in the field names; times are RFC 3339. Rows that this program's lenses
//! cannot read are kept as their bytes in hexadecimal (`key`, `fields`), never dropped.

use maille_core::command::Export;
use serde_json::{Value, json};

use crate::cli::rows;

/// Version of the file; raised when a reader of the last one would go wrong.
const EXPORT_VERSION: u32 = 1;

/// The whole file as one JSON value.
pub(crate) fn document(export: &Export) -> Value {
    let received: Vec<Value> = export
        .received
        .iter()
        .map(|(share, found)| json!({ "share": share, "rows": rows::json(&share.lens, found) }))
        .collect();
    json!({
        "format": "maille-export",
        "format_version": EXPORT_VERSION,
        "person": export.person,
        "records": export.records,
        "given": export.given,
        "received": received,
        "sent": export.sent,
    })
}
