//! How a container runs: what definitions say of it, checked and put together.

use super::error::RecipeError;
use super::values::Lowering;
use crate::format::{Config, Healthcheck};

/// The most words of a command.
const MAX_WORDS: usize = 1000;

impl Lowering<'_> {
    /// What the definition and its overlays say, over what is said below.
    pub(super) fn merge_config(&self, config: &mut Config) -> Result<(), RecipeError> {
        self.merge_one(config, &self.definition.config)?;
        for overlay in &self.overlays {
            self.merge_one(config, &overlay.config)?;
        }
        Ok(())
    }

    fn merge_one(&self, config: &mut Config, own: &Config) -> Result<(), RecipeError> {
        if let Some(words) = &own.entrypoint {
            self.check_command("entrypoint", words)?;
            config.entrypoint = Some(words.clone());
            // As in a Dockerfile: arguments belong to the program that they were written for.
            config.cmd = None;
        }
        if let Some(words) = &own.cmd {
            self.check_words("cmd", words)?;
            config.cmd = Some(words.clone());
        }
        if let Some(folder) = &own.workdir {
            self.check_path("workdir", folder)?;
            config.workdir = Some(folder.clone());
        }
        if let Some(signal) = &own.stop_signal {
            self.check_signal(signal)?;
            config.stop_signal = Some(signal.clone());
        }
        if let Some(user) = &own.user {
            config.user = Some(user.clone());
        }
        if let Some(check) = &own.healthcheck {
            self.check_healthcheck(check)?;
            config.healthcheck = Some(check.clone());
        }
        for (name, value) in &own.env {
            self.check_variable("config", name, value)?;
            let value = self.expand("config", value)?;
            config.env.insert(name.clone(), value);
        }
        for (name, value) in &own.labels {
            if name.is_empty() {
                return Err(self.error("config", name, "a label has no name"));
            }
            let value = self.expand("config", value)?;
            config.labels.insert(name.clone(), value);
        }
        for port in &own.ports {
            self.check_port(port)?;
            config.ports.push(port.clone());
        }
        for folder in &own.volumes {
            self.check_path("volumes", folder)?;
            if folder.bytes().all(|byte| byte == b'/') {
                let problem = "the root of the image cannot be a volume";
                return Err(self.error("config", folder, problem));
            }
            config.volumes.push(folder.clone());
        }
        Ok(())
    }

    pub(super) fn check_variable(
        &self,
        key: &'static str,
        name: &str,
        value: &str,
    ) -> Result<(), RecipeError> {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            let name = name.escape_debug();
            let problem = format!("`{name}` cannot be a variable of the environment");
            return Err(self.error(key, &name.to_string(), problem));
        }
        Ok(())
    }

    fn check_command(&self, what: &str, words: &[String]) -> Result<(), RecipeError> {
        let program = words.first().map_or("", String::as_str);
        if program.is_empty() {
            let problem = format!("`{what}` names no program");
            return Err(self.error("config", what, problem));
        }
        self.check_words(what, words)
    }

    fn check_words(&self, what: &str, words: &[String]) -> Result<(), RecipeError> {
        match words.len() > MAX_WORDS || words.iter().any(|word| word.contains('\0')) {
            true => {
                let problem = format!("`{what}` has too many words, or a NUL in one");
                Err(self.error("config", what, problem))
            }
            false => Ok(()),
        }
    }

    fn check_path(&self, what: &str, path: &str) -> Result<(), RecipeError> {
        let is_path = path.starts_with('/') && !path.contains(['\0', '\n', ':', ',']);
        match is_path {
            true => Ok(()),
            false => {
                let path = path.escape_debug();
                let problem = format!("`{path}` in `{what}` is not the path of a folder");
                Err(self.error("config", &path.to_string(), problem))
            }
        }
    }

    /// A port or a range of ports, and a protocol (OCI image specification, `ExposedPorts`).
    fn check_port(&self, port: &str) -> Result<(), RecipeError> {
        let (numbers, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
        let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u16>().ok().filter(|port| digits && *port > 0)
        };
        let in_order = matches!((number(first), number(last)), (Some(a), Some(b)) if a <= b);
        if in_order && matches!(protocol, "tcp" | "udp" | "sctp") {
            return Ok(());
        }
        let shown = port.escape_debug();
        let problem = format!("`{shown}` is no port, such as `8080`, `53/udp` or `8000-8010/tcp`");
        Err(self.error("config", port, problem))
    }

    /// A signal by number or name, as engines take them (signal(7)).
    fn check_signal(&self, signal: &str) -> Result<(), RecipeError> {
        const NAMES: [&str; 31] = [
            "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV",
            "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN",
            "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
        ];
        let is_number = signal
            .parse()
            .is_ok_and(|number: u8| (1..=64).contains(&number));
        let name = signal.strip_prefix("SIG").unwrap_or(signal);
        let real_time = |name: &str| {
            let (base, offset) = match name.split_once(['+', '-']) {
                Some((base, offset)) => (base, offset.parse::<u8>().ok()),
                None => (name, Some(0)),
            };
            matches!(base, "RTMIN" | "RTMAX") && offset.is_some_and(|offset| offset <= 30)
        };
        if is_number || NAMES.contains(&name) || real_time(name) {
            return Ok(());
        }
        let shown = signal.escape_debug();
        let problem = format!("`{shown}` is no signal, such as `SIGINT` or `2`");
        Err(self.error("config", signal, problem))
    }

    fn check_healthcheck(&self, check: &Healthcheck) -> Result<(), RecipeError> {
        self.check_command("healthcheck", &check.test)?;
        let first = check.test.first().map_or("", String::as_str);
        if matches!(first, "CMD" | "CMD-SHELL" | "NONE") {
            let problem = "`test` is the program and its arguments, without Docker's keyword \
                           before them; there is no shell to run it";
            return Err(self.error("config", first, problem));
        }
        let times = [
            &check.interval,
            &check.timeout,
            &check.start_period,
            &check.start_interval,
        ];
        for time in times.into_iter().flatten() {
            // Docker refuses less than a millisecond.
            let parsed = humantime::parse_duration(time);
            if !parsed.is_ok_and(|time| time.as_millis() > 0) {
                let shown = time.escape_debug();
                let problem = format!("`{shown}` is no time, such as `30s` or `1m 30s`");
                return Err(self.error("config", time, problem));
            }
        }
        Ok(())
    }
}
