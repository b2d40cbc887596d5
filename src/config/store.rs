//! `[store]`: the operational state.

use super::reader::settings;
use super::setting::StoreUrl;

settings! {
    /// The operational state: keys, audit, articles, rules.
    Store {
        /// `sqlite:PATH` or `postgres://…`. Not set: the file `store.sqlite` in `data.dir`.
        url: Option<StoreUrl> = None, like "\"sqlite:/var/lib/tingchao/store.sqlite\"";
    }
}
