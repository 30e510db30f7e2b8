//! Where the admin socket and the public listener are. Read lightly: a config that `tamis check` would refuse must not keep anyone from looking
//! into the daemon that still runs.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::config::CONFIG_BYTES_MAX;
use crate::secret::location::Environment;
use crate::secret::reading::{NotRead, read_small};
use crate::terminal::{Exit, Failure};

/// Where the config file is looked for if nobody says.
const CONFIG_DEFAULT: &str = "/etc/tamis/tamis.toml";

/// Where the socket is if the config does not say.
const SOCKET_DEFAULT: &str = "/run/tamis/admin.sock";

/// Where the public listener is if the config does not say.
const LISTEN_DEFAULT: &str = "127.0.0.1:8080";

/// The config's own way to override the public listener.
const LISTEN_VARIABLE: &str = "TAMIS__PUBLIC__LISTEN";

/// The config's own way to override the socket (layers of the config: file, then environment).
const SOCKET_VARIABLE: &str = "TAMIS__ADMIN__SOCKET";

/// Where to look for the config file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigPath {
    /// The file.
    pub path: PathBuf,
    /// True if somebody said so: then it has to be there.
    pub given: bool,
}

impl ConfigPath {
    /// `--config`, else `TAMIS_CONFIG`, else `/etc/tamis/tamis.toml`.
    pub fn of(argument: Option<PathBuf>, environment: &Environment) -> Self {
        let variable = || environment.get("TAMIS_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
        match argument.or_else(variable) {
            Some(path) => Self { path, given: true },
            None => Self { path: CONFIG_DEFAULT.into(), given: false },
        }
    }
}

/// What each verb that talks to the daemon takes.
#[derive(clap::Args)]
pub(super) struct SocketArgument {
    /// The admin socket [default: admin.socket of the config file]
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

impl SocketArgument {
    /// `--socket`, else the environment, else the config file, else where the packages put it.
    pub(super) fn locate(&self, config: &ConfigPath, environment: &Environment) -> Result<PathBuf, Failure> {
        if let Some(path) = &self.socket {
            return Ok(path.clone());
        }
        if let Some(path) = environment.get(SOCKET_VARIABLE) {
            return Ok(path.into());
        }
        Ok(sketch(config)?.admin.socket.unwrap_or_else(|| SOCKET_DEFAULT.into()))
    }
}

/// Where the public listener is: the environment's word, else the config file's, else the default.
pub(super) fn public_listen(config: &ConfigPath, environment: &Environment) -> Result<SocketAddr, Failure> {
    let listen = match environment.get(LISTEN_VARIABLE) {
        Some(listen) => Some(listen.to_owned()),
        None => sketch(config)?.public.listen,
    };
    listen.as_deref().unwrap_or(LISTEN_DEFAULT).parse().map_err(|_| {
        let sentence =
            "public.listen is no address and port. Run tamis check, or say where to ask with --url";
        Failure::new(Exit::ConfigRefused, sentence)
    })
}

fn sketch(config: &ConfigPath) -> Result<ConfigSketch, Failure> {
    let refused = |why: &dyn std::fmt::Display| {
        Failure::new(Exit::ConfigRefused, format!("cannot read {}: {why}", config.path.display()))
    };
    match read_small(&config.path, CONFIG_BYTES_MAX) {
        Ok(file) => {
            let text = std::str::from_utf8(&file.bytes).map_err(|_| refused(&"it is not UTF-8"))?;
            sketch_of(text, &config.path)
        }
        Err(NotRead::Io(ErrorKind::NotFound)) if !config.given => Ok(ConfigSketch::default()),
        Err(NotRead::Io(ErrorKind::NotFound)) => Err(refused(
            &"there is no such file. Name the config with --config or TAMIS_CONFIG, or write a first one with tamis init DIR",
        )),
        Err(not_read) => Err(refused(&not_read)),
    }
}

#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct ConfigSketch {
    admin: AdminSketch,
    public: PublicSketch,
}

#[derive(Default, serde::Deserialize)]
struct AdminSketch {
    socket: Option<PathBuf>,
}

#[derive(Default, serde::Deserialize)]
struct PublicSketch {
    listen: Option<String>,
}

fn sketch_of(text: &str, path: &Path) -> Result<ConfigSketch, Failure> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let sentence = format!(
            "cannot read {}: line {line} is not right. Run tamis check, or say where tamis is with --socket or --url",
            path.display()
        );
        Failure::new(Exit::ConfigRefused, sentence)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn the_config_file_is_the_argument_else_the_variable_else_the_default() {
        let set = environment(&[("TAMIS_CONFIG", "/b")]);
        assert_eq!(ConfigPath::of(Some("/a".into()), &set), ConfigPath { path: "/a".into(), given: true });
        assert_eq!(ConfigPath::of(None, &set), ConfigPath { path: "/b".into(), given: true });
        let unset = environment(&[("TAMIS_CONFIG", "")]);
        assert_eq!(ConfigPath::of(None, &unset), ConfigPath { path: CONFIG_DEFAULT.into(), given: false });
    }

    #[test]
    fn the_socket_is_found_in_a_config_that_check_would_refuse() {
        let text =
            "[controller]\nname = 7\n[admin]\nsocket = \"/x/admin.sock\"\n[purposes.devis]\nforms = 1\n";
        let socket = |text| sketch_of(text, Path::new("t")).map(|sketch| sketch.admin.socket);
        assert_eq!(socket(text).ok(), Some(Some("/x/admin.sock".into())));
        assert_eq!(socket("[admin]\n").ok(), Some(None));
    }

    #[test]
    fn what_is_no_toml_is_refused_with_its_line_and_without_its_words() {
        let refused = sketch_of("a = 1\n[admin]\nsocket = canary\n", Path::new("t")).err().expect("no TOML");
        assert_eq!(refused.exit, Exit::ConfigRefused);
        let told = refused.to_string();
        assert!(told.contains("line 3") && !told.contains("canary"), "{told}");
    }

    #[test]
    fn the_public_listener_is_the_environments_else_the_files_else_the_default() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("tamis.toml");
        std::fs::write(&path, "[public]\nlisten = \"[::1]:81\"\n").expect("a file");
        let given = ConfigPath { path, given: true };
        let none = ConfigPath { path: "/nonexistent/tamis.toml".into(), given: false };
        let listen =
            |config, pairs: &[_]| public_listen(config, &environment(pairs)).map(|at| at.to_string());
        assert_eq!(listen(&given, &[]).ok().as_deref(), Some("[::1]:81"));
        let set = [(LISTEN_VARIABLE, "0.0.0.0:82")];
        assert_eq!(listen(&given, &set).ok().as_deref(), Some("0.0.0.0:82"));
        assert_eq!(listen(&none, &[]).ok().as_deref(), Some(LISTEN_DEFAULT));
        let odd = listen(&none, &[(LISTEN_VARIABLE, "here")]).expect_err("no address");
        assert_eq!(odd.exit, Exit::ConfigRefused);
    }

    #[test]
    fn only_a_config_that_somebody_named_has_to_be_there() {
        let none = SocketArgument { socket: None };
        let missing = |given| ConfigPath { path: "/nonexistent/tamis.toml".into(), given };
        assert_eq!(none.locate(&missing(false), &environment(&[])).ok(), Some(SOCKET_DEFAULT.into()));
        let refused = none.locate(&missing(true), &environment(&[])).expect_err("it is not there");
        assert_eq!(refused.exit, Exit::ConfigRefused);
        let said = refused.to_string();
        assert!(
            said.contains("/nonexistent/tamis.toml: there is no") && said.contains("tamis init DIR"),
            "{said}"
        );
        let variable = environment(&[(SOCKET_VARIABLE, "/env.sock")]);
        assert_eq!(none.locate(&missing(true), &variable).ok(), Some("/env.sock".into()));
        let argument = SocketArgument { socket: Some("/arg.sock".into()) };
        assert_eq!(argument.locate(&missing(true), &variable).ok(), Some("/arg.sock".into()));
    }
}
