//! `[kafka]`: the brokers.

use std::path::PathBuf;

use super::reader::settings;
use super::setting::{Secret, words};

words! {
    /// How the brokers are spoken to.
    SecurityProtocol {
        /// In the clear.
        Plaintext = "plaintext",
        /// Encrypted.
        Ssl = "ssl",
        /// In the clear, with a password.
        SaslPlaintext = "sasl_plaintext",
        /// Encrypted, with a password.
        SaslSsl = "sasl_ssl",
    }
}

impl SecurityProtocol {
    /// True when user name and password are needed.
    #[must_use]
    pub const fn needs_password(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

words! {
    /// How the password is proven.
    SaslMechanism {
        /// The password itself.
        Plain = "PLAIN",
        /// SCRAM with SHA-256.
        ScramSha256 = "SCRAM-SHA-256",
        /// SCRAM with SHA-512.
        ScramSha512 = "SCRAM-SHA-512",
    }
}

words! {
    /// What happens when retention has removed records that were not read.
    MissingOffsets {
        /// The process ends and says which.
        Stop = "stop",
        /// Reading goes on with what is there; the gap is logged.
        Continue = "continue",
    }
}

/// The topics of canonical events.
pub const DEFAULT_TOPICS: [&str; 8] = [
    "tingchao.interactions.call",
    "tingchao.interactions.chat",
    "tingchao.interactions.wechat",
    "tingchao.interactions.other",
    "tingchao.surveys",
    "tingchao.agents",
    "tingchao.customers",
    "tingchao.knowledge",
];

settings! {
    /// The brokers. With brokers and without a source of kind `kafka`, the default topics are read.
    Kafka {
        /// Host and port of some brokers.
        brokers: Vec<String> = Vec::new();
        /// The consumer group.
        group: String = "tingchao".to_owned();
        /// How the brokers are spoken to.
        security_protocol: SecurityProtocol = SecurityProtocol::Plaintext;
        /// How the password is proven, for the `sasl_` protocols.
        sasl_mechanism: Option<SaslMechanism> = None, like "\"SCRAM-SHA-512\"";
        /// The user.
        sasl_username: Option<String> = None, like "\"tingchao\"";
        /// The password.
        sasl_password: Option<Secret> = None, like "\"file:/etc/tingchao/kafka-password\"";
        /// A file with the certificates of the authorities to trust. Not set: those of the system.
        ssl_ca: Option<PathBuf> = None, like "\"/etc/tingchao/kafka-ca.pem\"";
        /// When retention has removed records that were not read: `stop`, or `continue` without them.
        missing_offsets: MissingOffsets = MissingOffsets::Stop;
        /// Dead letters are also sent to this topic, when it is there. Empty: they are not.
        dead_letters_topic: String = "tingchao.dead-letters".to_owned();
        /// Alerts are also sent to this topic, when it is there. Empty: they are not.
        alerts_topic: String = "tingchao.alerts".to_owned();
    }
}
