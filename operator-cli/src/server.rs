//! Finding the server that a command is for: what was given, or else what the folder of a site says.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use bootstrap_server::domain::TomlFault;
use operator_api::client::{Client, ClientError, ServerUrl, ServerUrlInvalid, Timeouts};
use serde::Deserialize;

use crate::site;

/// Which server, and how to convince it. Within a folder that `sztp init` made, nothing has to be given.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Finding the server")]
pub(crate) struct ServerArgs {
    /// The server's operator listener; otherwise that of the configuration
    #[arg(long, env = "SZTP_SERVER", value_name = "URL")]
    server: Option<ServerUrl>,
    /// The file with your token; otherwise operator.token beside the configuration
    #[arg(long, env = "SZTP_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// What the server is trusted by, PEM; otherwise operator-ca.pem beside the configuration
    #[arg(long, env = "SZTP_SERVER_CA", value_name = "FILE")]
    server_ca: Option<PathBuf>,
    /// The server's configuration file
    #[arg(long, default_value = site::CONFIG, value_name = "FILE")]
    config: PathBuf,
}

impl ServerArgs {
    /// A client of the server.
    pub(crate) fn client(&self) -> Result<Client, FindError> {
        let server = match &self.server {
            Some(server) => server.clone(),
            None => self.server_of_config()?,
        };
        let beside = |name: &str| self.config.with_file_name(name);
        let token = self.token_file.clone().unwrap_or_else(|| beside(site::TOKEN));
        let ca = self.server_ca.clone().unwrap_or_else(|| beside(site::OPERATOR_CA));
        Client::new(server, &ca, &token, Timeouts::default()).map_err(|error| FindError::Client(Box::new(error)))
    }

    /// The same for a command that was given the folder of a server.
    pub(crate) fn in_folder(&self, folder: Option<&Path>) -> Self {
        let config = folder.map_or_else(|| self.config.clone(), |folder| folder.join(site::CONFIG));
        Self { config, ..self.clone() }
    }

    /// The server's configuration file.
    pub(crate) fn config(&self) -> &Path {
        &self.config
    }

    /// Whether a server was named, instead of being looked for.
    pub(crate) const fn is_named(&self) -> bool {
        self.server.is_some()
    }

    fn server_of_config(&self) -> Result<ServerUrl, FindError> {
        let path = || self.config.clone();
        let text = match std::fs::read_to_string(&self.config) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(FindError::NoServer { config: path() });
            }
            Err(source) => return Err(FindError::Config { path: path(), source }),
        };
        let found: Found = toml::from_str(&text)
            .map_err(|error| FindError::Toml { path: path(), source: TomlFault::new(&error, &text) })?;
        let listener = found.operator_listener.ok_or_else(|| FindError::NoListener { path: path() })?;
        address_of(&self.config, listener.listen)
    }
}

/// Where somebody on the same machine reaches a listener.
fn address_of(config: &Path, listen: SocketAddr) -> Result<ServerUrl, FindError> {
    if listen.port() == 0 {
        return Err(FindError::AnyPort { path: config.to_owned() });
    }
    let host = match listen.ip() {
        address if address.is_unspecified() => "localhost".to_owned(),
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => address.to_string(),
    };
    Ok(ServerUrl::new(&host, listen.port())?)
}

/// What matters of `sztp.toml`. The rest may be of another version.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Found {
    operator_listener: Option<FoundListener>,
}

#[derive(Deserialize)]
struct FoundListener {
    listen: SocketAddr,
}

/// No server was found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum FindError {
    /// Nothing says which.
    #[error(
        "which server? There is no {} here: go to the folder that `sztp init` made, name its file with --config, or give \
         --server, --token-file and --server-ca (or SZTP_SERVER, SZTP_TOKEN_FILE and SZTP_SERVER_CA)", config.display()
    )]
    NoServer {
        /// What was looked for.
        config: PathBuf,
    },
    /// The configuration cannot be read.
    #[error("{}: {source}", path.display())]
    Config {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The configuration is not TOML.
    #[error("{}: {source}", path.display())]
    Toml {
        /// Which.
        path: PathBuf,
        /// Where and why.
        source: TomlFault,
    },
    /// The server has no listener for operators.
    #[error("{}: has no [operator-listener], so this server takes no commands; add one, or name another with --server", path.display())]
    NoListener {
        /// Which.
        path: PathBuf,
    },
    /// The server picks a port when it starts.
    #[error("{}: [operator-listener] listens on any free port: give the one that `sztp serve` printed with --server", path.display())]
    AnyPort {
        /// Which.
        path: PathBuf,
    },
    /// The address is none.
    #[error(transparent)]
    Address(#[from] ServerUrlInvalid),
    /// Token or certificate authority.
    #[error(transparent)]
    Client(Box<ClientError>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_reached_by_a_name_in_its_certificate() {
        let address = |listen: &str| address_of(Path::new("sztp.toml"), listen.parse().unwrap());
        for (listen, server) in [
            ("0.0.0.0:8444", "https://localhost:8444"),
            ("[::]:9", "https://localhost:9"),
            ("127.0.0.1:8444", "https://127.0.0.1:8444"),
            ("[2001:db8::1]:8444", "https://[2001:db8::1]:8444"),
        ] {
            assert_eq!(address(listen).unwrap().to_string(), server);
        }
        assert!(matches!(address("127.0.0.1:0"), Err(FindError::AnyPort { .. })));
    }
}
