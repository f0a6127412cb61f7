//! The health check of a definition: checked, made a command, and the probe that it needs.

use std::time::Duration;

use distil_bundle::Component;
use distil_probe::{Address, Check, Status};
use distil_tree::TreePath;

use super::bundle::{BundleSource, NewBundle, Placement};
use super::error::RecipeError;
use super::part::Part;
use super::position::Position;
use super::values::Lowering;
use crate::healthcheck::Healthcheck;

/// The key of definitions, below `config`.
const KEY: &str = "healthcheck";

/// What engines take for the time that a check may take if none is said.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

impl Lowering<'_> {
    /// A check as a command, and the position of what it runs or asks; `part` is the `config` that it
    /// stands in.
    pub(super) fn healthcheck(
        &self,
        part: &Part,
        check: &Healthcheck,
    ) -> Result<(Healthcheck, Position), RecipeError> {
        let (entry, part) = (part.entry(KEY), part.key(KEY));
        let kinds = [
            ("http", check.http.is_some()),
            ("tcp", check.tcp.is_some()),
            ("exec", check.exec.is_some()),
            ("test", check.test.is_some()),
        ];
        let mut kinds = kinds.iter().filter(|(_, is_there)| *is_there);
        let Some((kind, _)) = kinds.next() else {
            let problem =
                "`healthcheck` does not say what is checked; it needs `http`, `tcp` or `exec`";
            return Err(self.error(&entry, problem));
        };
        if let Some((other, _)) = kinds.next() {
            let problem =
                format!("`healthcheck` has both `{kind}` and `{other}`; an image has one check");
            return Err(self.error(&part.entry(other), problem));
        }
        if check.http.is_none() && !check.expect.is_empty() {
            let problem = format!("`expect` is a status of HTTP, and the check is by `{kind}`");
            return Err(self.error(&part.entry("expect"), problem));
        }
        let timeout = self.check_times(&part, check)?.unwrap_or(DEFAULT_TIMEOUT);
        let value = part.key(kind);
        let (command, position) = match (&check.http, &check.tcp) {
            (Some(text), _) => {
                let address = Address::http(text);
                (
                    self.ask(&part, &value, text, address, check, timeout)?,
                    value,
                )
            }
            (None, Some(text)) => {
                let address = Address::tcp(text);
                (
                    self.ask(&part, &value, text, address, check, timeout)?,
                    value,
                )
            }
            (None, None) => {
                let words = check.command();
                self.check_command(&entry, KEY, words)?;
                let first = words.first().map_or("", String::as_str);
                if matches!(first, "CMD" | "CMD-SHELL" | "NONE") {
                    let problem = format!(
                        "`{kind}` is the program and its arguments, without Docker's keyword before \
                         them; there is no shell to run it"
                    );
                    return Err(self.error(&value.index(0), problem));
                }
                (words.to_vec(), value.index(0))
            }
        };
        let check = Healthcheck {
            exec: Some(command),
            http: None,
            tcp: None,
            test: None,
            expect: Default::default(),
            ..check.clone()
        };
        Ok((check, self.position(&position)))
    }

    /// The command by which the probe asks an address.
    fn ask(
        &self,
        part: &Part,
        value: &Part,
        text: &str,
        address: Result<Address, distil_probe::AddressError>,
        check: &Healthcheck,
        timeout: Duration,
    ) -> Result<Vec<String>, RecipeError> {
        let address = address.map_err(|error| {
            let shown: String = text
                .chars()
                .take(200)
                .flat_map(char::escape_debug)
                .collect();
            // A password has no business in a message, either.
            let shown = match error {
                distil_probe::AddressError::Login => "the address".to_owned(),
                _ => format!("`{shown}`"),
            };
            self.error(value, format!("{shown} {error}"))
        })?;
        let mut expect = Vec::new();
        for (index, word) in check.expect.0.iter().enumerate() {
            let status: Status = word.parse().map_err(|error| {
                let part = part.key("expect");
                let one = if check.expect.0.len() == 1 {
                    part
                } else {
                    part.index(index)
                };
                self.error(&one, error)
            })?;
            expect.push(status);
        }
        let check = Check {
            address,
            expect,
            timeout,
        };
        Ok(check.command())
    }

    /// Checks the times, and gives the one that a check may take.
    fn check_times(
        &self,
        part: &Part,
        check: &Healthcheck,
    ) -> Result<Option<Duration>, RecipeError> {
        let mut timeout = None;
        let times = [
            ("interval", &check.interval),
            ("timeout", &check.timeout),
            ("start_period", &check.start_period),
            ("start_interval", &check.start_interval),
        ];
        for (key, time) in times {
            let Some(time) = time else { continue };
            let parsed = humantime::parse_duration(time).ok();
            // Docker refuses less than a millisecond.
            let parsed = parsed.filter(|time| time.as_millis() > 0);
            let Some(parsed) = parsed else {
                let shown = time.escape_debug();
                let problem = format!("`{shown}` is not a time, such as `30s` or `1m 30s`");
                return Err(self.error(&part.key(key), problem));
            };
            if key == "timeout" {
                timeout = Some(parsed);
            }
        }
        Ok(timeout)
    }

    /// The probe, if the definition has an address asked.
    pub(super) fn probe(&self) -> Result<Option<NewBundle>, RecipeError> {
        let levels = self.levels("config", &self.definition.config, |one| &one.config);
        let mut checks = levels
            .iter()
            .filter_map(|(part, config)| Some((part, config.healthcheck.as_ref()?)));
        let Some((part, check)) = checks.next_back() else {
            return Ok(None);
        };
        if check.http.is_none() && check.tcp.is_none() {
            return Ok(None);
        }
        let entry = part.entry(KEY);
        let program = distil_probe::program(self.architecture());
        let program = program.ok_or_else(|| {
            let problem = format!("there is no probe for {}; use `exec`", self.architecture());
            self.error(&entry, problem)
        })?;
        let path = TreePath::from_absolute(distil_probe::PATH);
        let path = path.map_err(|error| self.error(&entry, error))?;
        Ok(Some(NewBundle {
            source: BundleSource::Probe(program),
            placement: Placement {
                mode: Some(0o755),
                position: self.position(&entry),
                ..Placement::whole("config", path)
            },
            component: Some(Component {
                name: distil_probe::NAME.to_owned(),
                version: Some(distil_probe::VERSION.to_owned()),
                license: Some(env!("CARGO_PKG_LICENSE").to_owned()),
                purl: Some(format!(
                    "pkg:generic/{}@{}",
                    distil_probe::NAME,
                    distil_probe::VERSION
                )),
            }),
        }))
    }
}
