//! `[privacy]`: what stands in for personal values.

use std::path::PathBuf;

use super::reader::settings;
use super::setting::words;

words! {
    /// When a customer, agent or case id is replaced by a token.
    CustomerIds {
        /// When it looks like personal data.
        Auto = "auto",
        /// Always.
        Token = "token",
    }
}

settings! {
    /// Redaction and tokens. There is no key that turns redaction off.
    Privacy {
        /// The key of the tokens, a file of mode 600. Not set: `data.dir` with `.token-key` added, beside the folder. Processes that share a lake share this key; backups do not contain it.
        token_key_file: Option<PathBuf> = None, like "\"/etc/tingchao/token-key\"";
        /// `auto` replaces customer, agent and case ids that look like personal data, so that opaque ids join with a CRM; `token` replaces all.
        customer_ids: CustomerIds = CustomerIds::Auto;
        /// The company's own hot lines, addresses and numbers: redaction keeps them.
        allow_list: Vec<String> = Vec::new();
    }
}
